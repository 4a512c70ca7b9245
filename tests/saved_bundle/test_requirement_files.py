"""What is said about the lock and the bill of materials of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bentoml.saved_bundle import save_to_dir
from bentoml.saved_bundle.requirement_files import describe_requirement_files
from bentoml.saved_bundle.requirements.lock import Lock, Pin, machine_name

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages


def test_describe_a_saved_bundle(project: Project, bundle_dir: Path, site: SitePackages) -> None:
    site.add("alpha", "1.0", "Requires-Dist: nothere")
    service = project.greeter()
    service.env.add_pip_package("alpha")
    save_to_dir(service, bundle_dir)
    described = describe_requirement_files(bundle_dir)
    lines = (bundle_dir / "requirements.lock").read_text().splitlines()
    assert described["requirements_lock"] == {
        "hashes": False,
        "distributions": len([line for line in lines if not line.startswith("#")]),
        "made_for": machine_name(),
        "missing": ["alpha needs nothere, which is not installed here"],
    }
    assert described["sbom"] == {
        "format": "CycloneDX 1.6",
        "components": described["requirements_lock"]["distributions"] + 1,  # the model
        "complete": False,
    }


def test_describe_a_lock_with_hashes_says_so(tmp_path: Path) -> None:
    library = "./bundled_pip_dependencies/bentoml-1-py3-none-any.whl"
    lock = Lock(machine_name(), (), library, ("ab" * 32,), (Pin("alpha", "==1.0", ("cd" * 32,)),), ())
    (tmp_path / "requirements.lock").write_text(str(lock))
    described = describe_requirement_files(tmp_path)
    assert described["requirements_lock"]["hashes"] is True
    assert described["requirements_lock"]["distributions"] == 2
    assert described["sbom"] is None


@pytest.mark.parametrize(
    ("name", "key", "content", "error"),
    [
        ("requirements.lock", "requirements_lock", b"-r /etc/passwd", "it has the line '-r /etc/passwd'"),
        ("requirements.lock", "requirements_lock", b"\xff", "'utf-8' codec"),
        ("sbom.cdx.json", "sbom", b"{", "Expecting property name"),
        ("sbom.cdx.json", "sbom", b"{}", "'bomFormat'"),
        ("sbom.cdx.json", "sbom", b"[]", "list indices"),
        ("sbom.cdx.json", "sbom", b"[" * 100_000, "recursion"),
    ],
)
def test_describe_a_file_that_is_none_says_what_is_wrong(
    tmp_path: Path, name: str, key: str, content: bytes, error: str
) -> None:
    (tmp_path / name).write_bytes(content)
    described: dict[str, Any] = describe_requirement_files(tmp_path)
    assert described[key]["error"].startswith(f"{name} is not of its form: ")
    assert error in described[key]["error"]
