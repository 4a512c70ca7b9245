"""Hashes for the lock of a saved bundle, from a small index on this machine that uv or pip asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bentoml.exceptions import (
    BentoMLConfigException,
    BentoMLException,
    BundleIntegrityException,
    BundleSignatureException,
)
from bentoml.saved_bundle import load, save_to_dir
from bentoml.saved_bundle.integrity import replace_listed, verify_bundle
from bentoml.saved_bundle.library_wheel import WHEEL_NAME
from bentoml.saved_bundle.locking import lock_bundle
from bentoml.saved_bundle.requirements.index_hashes import ask_for_hashes, find_tool
from bentoml.saved_bundle.requirements.lock import Lock, Pin, machine_name, read_lock
from bentoml.saved_bundle.verified_files import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages
    from tests.saved_bundle.package_index import Index

LIBRARY = f"./bundled_pip_dependencies/{WHEEL_NAME}"


def rewrite(bundle: Path, index: Index, *pins: Pin, **changes: object) -> None:
    """Give a bundle a lock over an index, as if it had been saved with it."""
    lock = Lock(machine_name(), (f"--index-url={index.url}",), LIBRARY, (), pins, ())
    replace_listed(bundle, "requirements.lock", str(Lock(**{**vars(lock), **changes})).encode())


@pytest.fixture
def bundle(project: Project, bundle_dir: Path) -> Path:
    save_to_dir(project.greeter(), bundle_dir)
    return bundle_dir


def test_save_writes_a_lock_without_hashes(project: Project, bundle_dir: Path, site: SitePackages) -> None:
    site.add("alpha", "1.0", "Requires-Dist: beta")
    site.add("beta", "2.5")
    service = project.greeter()
    service.env.add_pip_package("alpha")
    save_to_dir(service, bundle_dir)
    text = (bundle_dir / "requirements.lock").read_text()
    lock = read_lock(text)
    assert {"alpha==1.0", "beta==2.5"} <= set(map(str, lock.pins))
    assert {"click", "sqlalchemy"} <= {pin.name for pin in lock.pins}
    assert lock.library == LIBRARY
    assert (lock.missing, lock.library_hashes) == ((), ())
    # The layers of an image depend on it: nothing in it tells one version of a service from the next.
    service.set_version("2.0")
    (bundle_dir.parent / "again").mkdir()
    save_to_dir(service, bundle_dir.parent / "again")
    assert (bundle_dir.parent / "again" / "requirements.lock").read_text() == text


def test_save_warns_of_what_only_the_lock_misses(
    project: Project, bundle_dir: Path, site: SitePackages, caplog: pytest.LogCaptureFixture
) -> None:
    site.add("alpha", "1.0", "Requires-Dist: nothere>=1")
    service = project.greeter()
    service.env.add_pip_package("alpha")
    save_to_dir(service, bundle_dir)
    assert "requirements.lock is not complete: alpha needs nothere>=1, which is not installed here" in caplog.messages
    with pytest.raises(BentoMLException, match=r"requirements\.lock is not complete: alpha needs nothere>=1"):
        lock_bundle(bundle_dir)


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_lock_bundle_adds_the_hashes_of_an_index(bundle: Path, index: Index, tool: str) -> None:
    mine = index.add("alpha", "1.0")
    other = index.add("alpha", "1.0", "py3-none-macosx_11_0_arm64")
    index.add("alpha", "1.1")
    local = index.add("beta-two", "3+cpu")
    before = (bundle / "SHA256SUMS").read_text().splitlines()
    rewrite(bundle, index, Pin("alpha", "==1.0"), Pin("beta-two", "==3+cpu"))
    locked = lock_bundle(bundle, tool)
    lock = read_lock((bundle / "requirements.lock").read_text())
    assert lock.library_hashes == (file_digest(bundle / LIBRARY),)
    # uv knows the files for other machines, too.
    expected = {"alpha": {mine, other} if tool == "uv" else {mine}, "beta-two": {local}}
    assert {pin.name: set(pin.hashes) for pin in lock.pins} == expected
    assert (locked.distributions, locked.hashes, locked.tool) == (3, 4 if tool == "uv" else 3, tool)
    after = (bundle / "SHA256SUMS").read_text().splitlines()
    assert [line for line in before if "requirements.lock" not in line] == [
        line for line in after if "requirements.lock" not in line
    ]
    verify_bundle(bundle)
    assert load(bundle).name == "Greeter"
    assert lock_bundle(bundle, tool) == locked  # and again


def test_lock_bundle_where_the_index_tells_no_hashes(bundle: Path, index: Index) -> None:
    digest = index.add("alpha", "1.0", with_hash=False)
    rewrite(bundle, index, Pin("alpha", "==1.0"))
    with pytest.raises(BentoMLException, match=r"no hashes for alpha==1\.0: the index does not say them; pip makes"):
        lock_bundle(bundle, "uv")
    lock_bundle(bundle, "pip")
    assert read_lock((bundle / "requirements.lock").read_text()).pins == (Pin("alpha", "==1.0", (digest,)),)


def test_lock_bundle_keeps_the_hash_of_a_file_from_an_address(bundle: Path, index: Index) -> None:
    source = f" @ https://nowhere.invalid/gamma.whl#sha256={'cc' * 32}"
    rewrite(bundle, index, Pin("gamma", source))
    lock_bundle(bundle)
    assert read_lock((bundle / "requirements.lock").read_text()).pins == (Pin("gamma", source, ("cc" * 32,)),)


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_lock_bundle_without_the_version_on_the_index_changes_nothing(bundle: Path, index: Index, tool: str) -> None:
    index.add("alpha", "1.1")
    rewrite(bundle, index, Pin("alpha", "==1.0"))
    before = (bundle / "requirements.lock").read_bytes()
    with pytest.raises(BentoMLException, match=r"failed with exit code 1: (?s:.*)alpha==1\.0"):
        lock_bundle(bundle, tool)
    assert (bundle / "requirements.lock").read_bytes() == before
    verify_bundle(bundle)


def test_lock_bundle_for_another_machine_is_refused(bundle: Path, index: Index) -> None:
    rewrite(bundle, index, made_for="cpython-39-darwin arm64")
    with pytest.raises(
        BentoMLException, match=r"was made for cpython-39-darwin arm64, and this is .*; lock it on a machine"
    ):
        lock_bundle(bundle)


@pytest.mark.parametrize("where", ["", "Greeter/"])
def test_lock_bundle_that_is_signed_is_refused(bundle: Path, where: str) -> None:
    (bundle / f"{where}SHA256SUMS.sig").write_bytes(bytes(64))
    with pytest.raises(BundleSignatureException, match=r"is signed, and would not be what was signed; lock it before"):
        lock_bundle(bundle)


def test_lock_bundle_that_was_changed_is_refused(bundle: Path) -> None:
    with (bundle / "requirements.lock").open("a") as file:
        file.write("--extra-index-url=https://evil.example\n")
    with pytest.raises(BundleIntegrityException, match=r"requirements\.lock was changed"):
        lock_bundle(bundle)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"-r /etc/passwd\n", "is no lock of a bundle: it has the line '-r /etc/passwd'"),
        (b"\xff", "is no lock of a bundle: 'utf-8' codec"),
    ],
)
def test_lock_bundle_with_a_hostile_lock_asks_nobody(bundle: Path, content: bytes, text: str) -> None:
    replace_listed(bundle, "requirements.lock", content)
    with pytest.raises(BentoMLConfigException, match=text):
        lock_bundle(bundle)


def test_lock_bundle_of_an_older_version_says_what_to_do(bundle: Path) -> None:
    (bundle / "requirements.lock").unlink()
    sums = bundle / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if "requirements.lock" not in line))
    with pytest.raises(BentoMLConfigException, match=r"has no requirements\.lock; save the service again"):
        lock_bundle(bundle)


def test_replace_listed_of_an_unlisted_file_is_refused(bundle: Path) -> None:
    with pytest.raises(BundleIntegrityException, match=r"does not name notes\.txt"):
        replace_listed(bundle, "notes.txt", b"x")
    assert not (bundle / "notes.txt").exists()


def test_tool_that_takes_too_long_is_stopped(index: Index) -> None:
    with pytest.raises(BentoMLException, match=r"did not end within 0\.01 seconds and was stopped"):
        ask_for_hashes(["alpha==1"], "pip", timeout_s=0.01)


def test_tool_is_the_first_that_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert find_tool() == "uv"
    assert find_tool("pip") == "pip"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert find_tool() == "pip"
    with pytest.raises(BentoMLException, match=r"uv is not installed for .*python"):
        find_tool("uv")
