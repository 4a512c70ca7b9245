"""Attempts to run code that nobody has signed where only signed bundles are trusted, by whoever can write the bundle.

Each plants code that leaves a file behind when it runs; none may.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import py_compile
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.exceptions import BentoMLConfigException, BundleIntegrityException, BundleSignatureException
from bentoml.saved_bundle import load, load_bento_service_class, save_to_dir
from bentoml.saved_bundle.integrity import write_digests
from bentoml.saved_bundle.signing import checked_bundle, sign_bundle, verify_signature
from tests.saved_bundle.conftest import SERVICE
from tests.saved_bundle.signing_keys import Keys
from tests.saved_bundle.test_signing import trust

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project

LATE = SERVICE.replace('return f"', 'import later\n        return later.said() + f"')
CODE_BESIDE_MODEL = """
import sys
from pathlib import Path

import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts import BentoServiceArtifact


class WithCode(BentoServiceArtifact):
    '''A model that brings modules along, as those of MLflow do.'''

    def pack(self, model, metadata=None):
        self.model = model
        return self

    def get(self):
        return self.model

    def save(self, dst):
        Path(dst, "brought_along.py").write_text("VALUE = 'hello'")

    def load(self, path):
        sys.path.insert(0, path)
        try:
            import brought_along
        finally:
            sys.path.remove(path)
            sys.modules.pop("brought_along", None)
        return self.pack(brought_along.VALUE)


@bentoml.artifacts([WithCode("model")])
class Greeter(bentoml.BentoService):
    @bentoml.api(input=JsonInput())
    def greet(self, who):
        return f"{self.artifacts.model} {who}"
"""


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path, "release")


@pytest.fixture
def signed(project: Project, bundle_dir: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed bundle, where nothing else is trusted."""
    return signed_from(project.greeter(), bundle_dir, keys, monkeypatch)


def signed_from(service: Any, bundle: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Path:
    save_to_dir(service, bundle)
    sign_bundle(bundle, keys.private)
    trust(monkeypatch, keys.public)
    return bundle


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What code of an attacker leaves behind."""
    return tmp_path / "was here"


def attack(trace: Path) -> str:
    return f"open({str(trace)!r}, 'w').close()\n"


class Attack:
    """Leaves the trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return open, (str(self.trace), "w")


def test_artifact_that_is_changed_after_the_class_was_loaded_is_not_read(signed: Path, trace: Path) -> None:
    service_class: Any = load_bento_service_class(signed)
    assert service_class().greet("you") == "hello you"
    (signed / "Greeter" / "artifacts" / "model.pkl").write_bytes(pickle.dumps(Attack(trace)))
    with pytest.raises(BundleIntegrityException, match=r"model\.pkl was changed"):
        service_class()
    assert not trace.exists()


def test_artifact_that_is_changed_but_has_its_size_and_time_again_is_not_read(signed: Path, trace: Path) -> None:
    service_class = load_bento_service_class(signed)
    model = signed / "Greeter" / "artifacts" / "model.pkl"
    before = model.stat()
    model.write_bytes(pickle.dumps(Attack(trace)))
    os.truncate(model, before.st_size)
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(BundleIntegrityException, match=r"model\.pkl was changed"):
        service_class()


def test_file_that_is_added_after_the_class_was_loaded_is_noticed(signed: Path) -> None:
    service_class = load_bento_service_class(signed)
    (signed / "Greeter" / "artifacts" / "more.py").touch()
    with pytest.raises(BundleIntegrityException, match=r"more\.py was added"):
        service_class()


def test_class_of_an_unchanged_bundle_whose_files_were_touched_makes_instances(signed: Path) -> None:
    service_class: Any = load_bento_service_class(signed)
    os.utime(signed / "Greeter" / "artifacts" / "model.pkl")
    assert service_class().greet("you") == "hello you"


def test_module_that_is_imported_late_is_the_one_that_was_checked(
    project: Project, bundle_dir: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, trace: Path
) -> None:
    project.write(later="def said():\n    return ''\n")
    bundle = signed_from(project.greeter(source=LATE), bundle_dir, keys, monkeypatch)
    service: Any = load(bundle)
    (bundle / "Greeter" / "later.py").write_text(attack(trace), encoding="utf-8")
    with pytest.raises(BundleIntegrityException, match=r"later\.py was changed"):
        service.greet("you")
    assert not trace.exists()


def test_archive_that_is_changed_before_a_late_import_is_not_executed(
    project: Project, bundle_dir: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, trace: Path
) -> None:
    archive = project.root / "more.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("later.py", "def said():\n    return ''\n")
    source = LATE.replace("@bentoml.artifacts", "@bentoml.env(zipimport_archives=['more.zip'])\n@bentoml.artifacts")
    monkeypatch.syspath_prepend(str(archive))
    bundle = signed_from(project.greeter(source=source), bundle_dir, keys, monkeypatch)
    service: Any = load(bundle)
    with zipfile.ZipFile(bundle / "Greeter" / "zipimports" / "more.zip", "w") as file:
        file.writestr("later.py", attack(trace))
    with pytest.raises(BundleIntegrityException, match=r"more\.zip was changed"):
        service.greet("you")
    assert not trace.exists()


def test_link_to_a_bundle_that_is_turned_after_the_check_leads_nowhere_else(
    signed: Path, tmp_path: Path, trace: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(signed, other)
    (other / "Greeter" / "artifacts" / "model.pkl").write_bytes(pickle.dumps(Attack(trace)))
    link = tmp_path / "current"
    link.symlink_to(signed)
    service_class: Any = load_bento_service_class(link)
    link.unlink()
    link.symlink_to(other)
    assert service_class().greet("you") == "hello you"
    assert not trace.exists()


def plant_compiled(directory: Path, module: str, trace: Path) -> None:
    """Compiled Python that the import system takes without a look at the source (PEP 552, unchecked)."""
    source = trace.with_suffix(".py")
    source.write_text(f"{attack(trace)}VALUE = 'mine'\n", encoding="utf-8")
    compiled = Path(importlib.util.cache_from_source(str(directory / f"{module}.py")))
    py_compile.compile(
        str(source), str(compiled), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )


def test_compiled_python_beside_modules_of_an_artifact_is_refused(
    project: Project, bundle_dir: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, trace: Path
) -> None:
    bundle = signed_from(project.greeter(source=CODE_BESIDE_MODEL), bundle_dir, keys, monkeypatch)
    for _ in range(2):  # what a first load leaves behind does not spoil the second
        service: Any = load(bundle)
        assert service.greet("you") == "hello you"
    plant_compiled(bundle / "Greeter" / "artifacts", "brought_along", trace)
    for door in (lambda: load(bundle), lambda: verify_signature(bundle, [keys.public])):
        with pytest.raises(BundleIntegrityException, match=r"__pycache__/brought_along\..*pyc was added"):
            door()
    assert not trace.exists()


@pytest.mark.parametrize("name", ["build/lib/Greeter/greeter.py", "evil.egg-info/entry_points.txt", "dist/a.whl"])
def test_what_building_the_package_may_leave_behind_is_refused_where_signatures_count(signed: Path, name: str) -> None:
    (signed / name).parent.mkdir(parents=True)
    (signed / name).touch()
    with pytest.raises(BundleIntegrityException, match="was added"):
        load(signed)


def test_package_that_pip_has_compiled_is_let_through(signed: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site-packages" / "Greeter"
    shutil.copytree(signed / "Greeter", installed)
    py_compile.compile(str(installed / "greeter.py"), doraise=True)
    service: Any = load(installed)
    assert service.greet("you") == "hello you"


def test_key_that_is_found_in_the_working_directory_is_not_trusted(
    signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trace: Path
) -> None:
    """The bundle is the working directory, brings the key of the attacker along, and is signed with it."""
    mine = Keys(tmp_path, "mine")
    shutil.copy(mine.public, signed / "release.pub.pem")
    (signed / "Greeter" / "greeter.py").write_text(attack(trace), encoding="utf-8")
    for directory in (signed / "Greeter", signed):
        (directory / "SHA256SUMS.sig").unlink()
        write_digests(directory)
    monkeypatch.setenv("BENTOML__BUNDLES__REQUIRE_SIGNATURE", "false")
    sign_bundle(signed, mine.private)
    trust(monkeypatch, Path("release.pub.pem"))
    monkeypatch.chdir(signed)
    with pytest.raises(BentoMLConfigException, match=r"release\.pub\.pem is not an absolute path"):
        load(".")
    assert not trace.exists()


def test_list_of_digests_that_takes_the_place_of_the_signed_one_is_not_read(
    signed: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch, trace: Path
) -> None:
    """The attacker is quick: all is exchanged between the look at the signature and the look at the files."""
    from bentoml.saved_bundle import signing

    look = signing._is_signed_with

    def exchange(key: Any, signature: bytes, content: bytes) -> bool:
        result = look(key, signature, content)
        (signed / "Greeter" / "greeter.py").write_text(attack(trace), encoding="utf-8")
        for directory in (signed / "Greeter", signed):
            (directory / "SHA256SUMS").unlink()
        text = (signed / "bentoml.yml").read_text(encoding="utf-8")
        (signed / "bentoml.yml").write_text(text.replace("\nformat:", "\nignored:"), encoding="utf-8")
        return result

    monkeypatch.setattr(signing, "_is_signed_with", exchange)
    with pytest.raises(BundleIntegrityException):
        load(signed)
    assert not trace.exists()


def test_module_that_is_changed_between_check_and_import_is_not_executed(
    signed: Path, monkeypatch: pytest.MonkeyPatch, trace: Path
) -> None:
    from bentoml.saved_bundle import loader

    def check_and_change(path: Path, *, verify: bool) -> Any:
        checked = checked_bundle(path, verify=verify)
        (signed / "Greeter" / "greeter.py").write_text(attack(trace), encoding="utf-8")
        return checked

    monkeypatch.setattr(loader, "checked_bundle", check_and_change)
    with pytest.raises(BundleIntegrityException, match=r"greeter\.py was changed"):
        load(signed)
    assert not trace.exists()


def test_file_that_is_named_twice_in_the_digests_is_refused(signed: Path) -> None:
    sums = signed / "SHA256SUMS"
    first = sums.read_text(encoding="utf-8").splitlines(keepends=True)[0]
    sums.write_text(sums.read_text(encoding="utf-8") + first, encoding="utf-8")
    with pytest.raises(BundleSignatureException):
        load(signed)


def test_bundle_that_another_key_has_signed_is_refused(signed: Path, tmp_path: Path) -> None:
    sign_bundle(signed, Keys(tmp_path, "revoked").private)
    with pytest.raises(BundleSignatureException, match="with none of the trusted keys"):
        load(signed)
