"""Digests of a bundle: what is noticed, how it is named, and what is let through."""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from bentoml._util import proc
from bentoml.exceptions import BundleIntegrityException
from bentoml.saved_bundle import load, save_to_dir
from bentoml.saved_bundle.integrity import (
    first_difference,
    listed_digests,
    verify_bundle,
    verify_listed,
    verify_unlisted,
    write_digests,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.saved_bundle.conftest import Project

    Damage = Callable[[Path], object]


@pytest.fixture
def bundle(project: Project, bundle_dir: Path) -> Path:
    save_to_dir(project.greeter(), bundle_dir)
    return bundle_dir


def flip_byte(path: Path, offset: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


DAMAGES: list[tuple[str, Damage, str]] = [
    ("module", lambda root: flip_byte(root / "Greeter/greeter.py"), r"Greeter/greeter\.py was changed"),
    ("model", lambda root: flip_byte(root / "Greeter/artifacts/model.pkl"), r"artifacts/model\.pkl was changed"),
    ("manifest", lambda root: flip_byte(root / "bentoml.yml", 0), r"bundle/bentoml\.yml was changed"),
    ("inner manifest", lambda root: flip_byte(root / "Greeter/bentoml.yml"), r"Greeter/bentoml\.yml was changed"),
    ("inner digests", lambda root: flip_byte(root / "Greeter/SHA256SUMS"), r"Greeter/SHA256SUMS was changed"),
    ("emptied", lambda root: (root / "docs.json").write_bytes(b""), r"docs\.json was changed"),
    ("removed model", lambda root: (root / "Greeter/artifacts/model.pkl").unlink(), r"model\.pkl is missing"),
    ("removed script", lambda root: (root / "bentoml-init.sh").unlink(), r"bentoml-init\.sh is missing"),
    ("removed directory", lambda root: shutil.rmtree(root / "bundled_pip_dependencies"), r"\.whl is missing"),
    ("removed digests", lambda root: (root / "SHA256SUMS").unlink(), r"SHA256SUMS is missing"),
    ("file for a directory", lambda root: _file_for_directory(root / "Greeter"), "Greeter/"),
    ("directory for a file", lambda root: _directory_for_file(root / "docs.json"), "docs.json"),
    ("added module", lambda root: (root / "Greeter/json.py").touch(), r"Greeter/json\.py was added"),
    ("added artifact", lambda root: (root / "Greeter/artifacts/x.pkl").touch(), r"artifacts/x\.pkl was added"),
    ("added file", lambda root: (root / "pyproject.toml").touch(), r"pyproject\.toml was added"),
    ("added hidden file", lambda root: (root / "Greeter/.hidden.py").touch(), r"\.hidden\.py was added"),
    ("added link", lambda root: (root / "Greeter/os.py").symlink_to("/etc/hostname"), r"Greeter/os\.py was added"),
    ("added linked directory", lambda root: (root / "Greeter/os").symlink_to("/etc"), r"Greeter/os was added"),
    ("added zip", lambda root: _add(root / "Greeter/zipimports/a.zip"), r"zipimports/a\.zip was added"),
    ("build inside the package", lambda root: _add(root / "Greeter/build/a.py"), r"build/a\.py was added"),
    ("nonsense", lambda root: (root / "SHA256SUMS").write_text("what?\n"), "line 1 is not a digest"),
    ("outside", lambda root: _list(root, "../project/greeter.py"), "names a file outside of the bundle"),
    ("absolute", lambda root: _list(root, "/etc/hostname"), "names a file outside of the bundle"),
    ("cut off", lambda root: _cut(root / "SHA256SUMS"), "is not a digest"),
    ("fewer lines", lambda root: (root / "SHA256SUMS").write_text(""), "was added after"),
]


def _add(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _list(root: Path, name: str) -> None:
    with (root / "SHA256SUMS").open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")


def _file_for_directory(path: Path) -> None:
    shutil.rmtree(path)
    path.touch()


def _directory_for_file(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:30])


@pytest.mark.parametrize(("damage", "message"), [pytest.param(*rest, id=name) for name, *rest in DAMAGES])
def test_load_of_a_damaged_bundle_names_the_file(bundle: Path, damage: Damage, message: str) -> None:
    damage(bundle)
    with pytest.raises(BundleIntegrityException, match=message) as raised:
        load(bundle)
    assert "without verification" in str(raised.value)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda root: (root / "docs.json").unlink(), id="missing"),
        pytest.param(lambda root: (root / "Greeter" / "extra.py").touch(), id="added"),
        pytest.param(lambda root: (root / "SHA256SUMS").unlink(), id="no digests"),
    ],
)
def test_load_without_verification_takes_the_bundle_as_it_is(bundle: Path, damage: Damage) -> None:
    damage(bundle)
    assert load(bundle, verify=False).greet("you") == "hello you"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name",
    ["__pycache__/a.pyc", "Greeter/__pycache__/a.pyc", "build/lib/a.py", "dist/a.whl", "Greeter.egg-info/PKG-INFO"],
)
def test_verify_bundle_lets_pass_what_tools_leave_behind(bundle: Path, name: str) -> None:
    _add(bundle / name)
    assert verify_bundle(bundle).service_name == "Greeter"


def test_verify_bundle_of_a_copy_reached_through_a_link_passes(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "copy")
    (tmp_path / "link").symlink_to(tmp_path / "copy")
    assert verify_bundle(tmp_path / "link").service_name == "Greeter"


def test_digests_are_what_sha256sum_reads(bundle: Path) -> None:
    for directory in (bundle, bundle / "Greeter"):
        done = proc.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=directory)
        assert (done.returncode, done.stdout) == (0, "")
    flip_byte(bundle / "docs.json")
    assert "docs.json: FAILED" in proc.run(["sha256sum", "--check", "SHA256SUMS"], cwd=bundle).stdout


NAMES = [
    "plain",
    "with space",
    "two  spaces",
    " leading",
    "*star",
    "back\\slash",
    "new\nline",
    "re\rturn",
    "ünï",
    "b\udcff",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_write_digests_of_an_odd_file_name_is_read_back(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "files"
    directory.mkdir()
    (directory / name).write_text("content")
    write_digests(directory)
    assert verify_listed(directory).names == {name}
    verify_unlisted(directory, frozenset({name}))
    done = proc.run(["sha256sum", "--check", "--strict", "--status", "SHA256SUMS"], cwd=directory)
    assert done.returncode == 0
    flip_byte(directory / name)
    with pytest.raises(BundleIntegrityException, match="was changed"):
        verify_listed(directory)


def test_load_of_a_bundle_from_before_digests_warns(bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    for directory in (bundle, bundle / "Greeter"):
        (directory / "SHA256SUMS").unlink()
        manifest = directory / "bentoml.yml"
        manifest.write_text(manifest.read_text().replace("format: 1\n", ""))
    caplog.set_level(logging.WARNING)
    assert load(bundle).greet("you") == "hello you"  # type: ignore[attr-defined]
    assert [message for message in caplog.messages if "saved without SHA256SUMS" in message]


def test_verify_of_a_large_file_reads_it_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(os.urandom((1 << 20) * 3 + 17))
    write_digests(tmp_path)
    assert verify_listed(tmp_path).names == {"model"}


def test_file_that_is_named_twice_is_refused(bundle: Path) -> None:
    with (bundle / "SHA256SUMS").open("a") as file:
        file.write((bundle / "SHA256SUMS").read_text(encoding="utf-8").splitlines()[0] + "\n")
    with pytest.raises(BundleIntegrityException, match=r"line \d+ names a file for the second time"):
        verify_bundle(bundle)


def test_name_that_no_file_can_have_is_an_error_of_the_bundle(bundle: Path) -> None:
    _list(bundle, "zero\0byte")
    with pytest.raises(BundleIntegrityException, match="cannot be read"):
        verify_bundle(bundle)


def test_pipe_in_place_of_a_file_is_an_error_and_not_waited_for(bundle: Path) -> None:
    (bundle / "docs.json").unlink()
    os.mkfifo(bundle / "docs.json")
    with pytest.raises(BundleIntegrityException, match=r"docs\.json' cannot be read \(it is no file\)"):
        verify_bundle(bundle)


def test_listed_digests_when_they_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").mkdir()
    with pytest.raises(BundleIntegrityException, match=r"SHA256SUMS cannot be read \(Is a directory\); restore"):
        listed_digests(tmp_path)


def test_files_differ_from_a_list(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other").write_text("other")
    write_digests(tmp_path / "sub")
    digests = write_digests(tmp_path)
    sums = (tmp_path / "SHA256SUMS").read_bytes()
    signatures = {"SHA256SUMS": "00", "SHA256SUMS.sig": "11", "sub/SHA256SUMS.sig": "22"}
    assert first_difference({**digests, **signatures}, sums) is None
    assert first_difference({**digests, "kept": "00"}, sums) == "kept was changed"
    assert first_difference({**digests, "other/SHA256SUMS.sig": "22"}, sums) == "other/SHA256SUMS.sig was added"
    assert first_difference({"kept": digests["kept"]}, sums) == "sub/SHA256SUMS is missing"
