"""Copying a bundle to where it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bentoml.exceptions import BentoMLException, BundleIntegrityException
from bentoml.saved_bundle import load, safe_retrieve, save_to_dir

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project


@pytest.fixture
def bundle(project: Project, bundle_dir: Path) -> Path:
    save_to_dir(project.greeter(), bundle_dir)
    return bundle_dir


@pytest.mark.parametrize("exists", [True, False])
def test_safe_retrieve_copies_a_bundle(bundle: Path, tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "deep" / "copy"
    if exists:
        target.mkdir(parents=True)
    assert safe_retrieve(str(bundle), str(target)) == target
    assert load(target).tag == "Greeter:1.0"


def test_safe_retrieve_into_a_directory_that_is_used_is_refused(bundle: Path, tmp_path: Path) -> None:
    target = tmp_path / "used"
    target.mkdir()
    (target / "mine").touch()
    with pytest.raises(BentoMLException, match="exists and is not empty"):
        safe_retrieve(bundle, target)
    assert [path.name for path in target.iterdir()] == ["mine"]


def test_safe_retrieve_of_a_damaged_bundle_leaves_nothing(bundle: Path, tmp_path: Path) -> None:
    (bundle / "docs.json").write_text("{}")
    with pytest.raises(BundleIntegrityException, match=r"docs\.json was changed"):
        safe_retrieve(bundle, tmp_path / "copy")
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "project"}


@pytest.mark.parametrize("path", ["nowhere", "s3://b/p"])
def test_safe_retrieve_of_what_is_not_there_says_so(tmp_path: Path, path: str) -> None:
    with pytest.raises(BentoMLException, match=path):
        safe_retrieve(path, tmp_path / "copy")
