"""Locks for machines of another kind, resolved by uv over a small index on this machine."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.saved_bundle import load, save_to_dir
from bentoml.saved_bundle.integrity import replace_listed, verify_bundle
from bentoml.saved_bundle.locking import lock_bundle
from bentoml.saved_bundle.requirements.closure import closure_of
from bentoml.saved_bundle.requirements.lock import Lock, lock_of, machine_name, read_lock
from bentoml.saved_bundle.verified_files import file_digest
from tests.saved_bundle.conftest import SERVICE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages
    from tests.saved_bundle.package_index import Index

WINDOWS, ARM, OLD = "sys_platform == 'win32'", "platform_machine == 'aarch64'", "python_version < '3.12'"


@pytest.fixture
def bundle(project: Project, site: SitePackages, index: Index, bundle_dir: Path) -> Path:
    """Saved with alpha 1.0 and common 1; common has a newer version on the index, and alpha needs more elsewhere."""
    needs = ["common", f"on-windows; {WINDOWS}", f"on-arm; {ARM}", f"on-old; {OLD}"]
    site.add("alpha", "1.0", *(f"Requires-Dist: {need}" for need in needs))
    for name in ("common", "on-old"):
        site.add(name, "1")
    for pin in lock_of(closure_of(""), "./library").pins:
        index.add(pin.name, pin.source.removeprefix("=="))
    index.add("alpha", "1.0", needs=needs)
    for name in ("common", "on-windows", "on-arm", "on-old"):
        index.add(name, "1")
    index.add("common", "2")
    env = f"@bentoml.env(pip_packages=['alpha'], pip_index_url={index.url!r})"
    service: Any = project.greeter(source=SERVICE.replace("@bentoml.artifacts", f"{env}\n@bentoml.artifacts"))
    save_to_dir(service, bundle_dir)
    set_python(bundle_dir, "3.11.7")
    return bundle_dir


def set_python(bundle: Path, version: str) -> None:
    """As if that Python had saved it."""
    for directory in (bundle / "Greeter", bundle):
        text = (directory / "bentoml.yml").read_text()
        (line,) = (line for line in text.splitlines() if line.strip().startswith("python_version:"))
        changed = text.replace(line, f"{line.partition(':')[0]}: {version}")
        replace_listed(directory, "bentoml.yml", changed.encode())
    if (bundle / "SHA256SUMS").read_text().count("Greeter/bentoml.yml"):
        for name in ("Greeter/bentoml.yml", "Greeter/SHA256SUMS"):
            replace_listed(bundle, name, (bundle / name).read_bytes())


def locked(bundle: Path) -> Lock:
    return read_lock((bundle / "requirements.lock").read_text())


def own(lock: Lock) -> dict[str, str]:
    """Version and marker of what alpha needs, and of alpha."""
    names = {"alpha", "common", "on-windows", "on-arm", "on-old"}
    return {str(pin): pin.marker for pin in lock.pins if pin.name in names}


def test_lock_for_any_machine_has_what_each_needs(bundle: Path) -> None:
    said = lock_bundle(bundle, platform="any")
    lock = locked(bundle)
    assert lock.made_for == "Python 3.11 on any machine"
    # Markers of versions that this Python decides for good are gone; those of machines stay.
    assert own(lock) == {
        "alpha==1.0": "",
        "common==1": "",
        "on-windows==1": WINDOWS,
        "on-arm==1": ARM,
        "on-old==1": "python_full_version < '3.12'",
    }
    assert lock.library_hashes == (file_digest(bundle / lock.library),)
    assert all(pin.hashes for pin in lock.pins)
    assert (said.distributions, said.tool) == (1 + len(lock.pins), "uv")
    verify_bundle(bundle)
    assert load(bundle).name == "Greeter"
    components = json.loads((bundle / "sbom.cdx.json").read_text())["components"]
    with_hashes = {one["name"] for one in components if "hashes" in one}
    assert with_hashes == {"bentoml", *(pin.name for pin in lock.pins)} - {"on-windows", "on-arm"}  # not installed here


@pytest.mark.parametrize(
    ("platform", "python", "made_for", "expected"),
    [
        ("linux/arm64", None, "cpython-311-aarch64-linux-gnu aarch64", {"on-arm==1", "on-old==1"}),
        ("linux/arm64", "3.12", "cpython-312-aarch64-linux-gnu aarch64", {"on-arm==1"}),
        ("linux/amd64", "3.13", "cpython-313-x86_64-linux-gnu x86_64", set()),
    ],
)
def test_lock_for_another_machine_has_what_it_needs(
    bundle: Path, platform: str, python: str | None, made_for: str, expected: set[str]
) -> None:
    lock_bundle(bundle, platform=platform, python_version=python)
    lock = locked(bundle)
    assert lock.made_for == made_for
    assert own(lock) == dict.fromkeys({"alpha==1.0", "common==1", *expected}, "")
    with pytest.raises(BentoMLException, match=r"was made for cpython-.* or say with --platform what it should be for"):
        replace_machine(bundle)


def replace_machine(bundle: Path) -> None:
    """Lock for this machine what was locked for one that is nowhere."""
    text = (bundle / "requirements.lock").read_text().replace("# made for: cpython-", "# made for: cpython-0")
    replace_listed(bundle, "requirements.lock", text.encode())
    lock_bundle(bundle)


def test_lock_for_another_python_of_this_machine(bundle: Path) -> None:
    lock_bundle(bundle, "uv", python_version="3.13")
    name = machine_name()
    assert locked(bundle).made_for == f"cpython-313-{name.split('-', 2)[2]}"


def test_lock_for_others_is_not_made_by_pip(bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = (bundle / "requirements.lock").read_bytes()
    with pytest.raises(InvalidArgument, match=r"pip knows no other machine than the one it runs on; leave out"):
        lock_bundle(bundle, "pip", platform="any")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(BentoMLException, match=r"is made by uv, which is not installed; .* Run: pip install uv"):
        lock_bundle(bundle, platform="any")
    assert (bundle / "requirements.lock").read_bytes() == before


def test_lock_for_others_that_cannot_be_made_changes_nothing(bundle: Path, index: Index) -> None:
    shutil.rmtree(index.root / "simple" / "on-arm")
    before = (bundle / "requirements.lock").read_bytes()
    lock_bundle(bundle, platform="linux/amd64")
    replace_listed(bundle, "requirements.lock", before)
    with pytest.raises(BentoMLException, match=r"(?s)failed with exit code 1: .*on-arm"):
        lock_bundle(bundle, platform="any")
    assert (bundle / "requirements.lock").read_bytes() == before


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("-r /etc/passwd", r"has the line '-r /etc/passwd', which does not name a distribution"),
        ("https://u:p@a.example/x.whl", r"has the line 'https://\*\*\*@a.example/x.whl'"),
    ],
)
def test_lock_for_others_of_other_lines_is_refused(bundle: Path, line: str, text: str) -> None:
    lines = (bundle / "requirements.txt").read_text()
    replace_listed(bundle, "requirements.txt", f"{lines}{line}\n".encode())
    with pytest.raises(BentoMLException, match=text):
        lock_bundle(bundle, platform="any")


def test_lock_for_others_of_a_lock_that_is_not_complete_is_refused(bundle: Path) -> None:
    # An index may have another author's product under the name of what was installed from a directory.
    lock = replace(locked(bundle), missing=("beta 2, from a directory",))
    replace_listed(bundle, "requirements.lock", str(lock).encode())
    with pytest.raises(BentoMLException, match=r"is not complete: beta 2, from a directory"):
        lock_bundle(bundle, platform="any")
