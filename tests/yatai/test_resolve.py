from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLException, BundleIntegrityException, NotFound
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.resolve import resolve_bundle_path

Save = Callable[..., Path]


def test_resolve_when_directory_exists_gives_it_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my:bundle").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve_bundle_path("my:bundle") == tmp_path / "my:bundle"
    assert resolve_bundle_path(".") == tmp_path


@pytest.mark.parametrize("version", ["1", "latest"])
def test_resolve_when_tag_is_registered_gives_its_directory(save: Save, version: str) -> None:
    path = save()
    assert resolve_bundle_path(f"Iris:{version}") == path


@pytest.mark.parametrize("bento", ["Iris:2", "Nobody:latest", "Iris", "./nowhere", "", ":"])
def test_resolve_when_nothing_fits_says_what_would(save: Save, bento: str) -> None:
    save()
    with pytest.raises(BentoMLException) as caught:
        resolve_bundle_path(bento)
    assert str(caught.value) == (
        f'BentoService "{bento}" not found - either specify the file path of the BentoService saved bundle, '
        'or the BentoService id in the form of "name:version"'
    )
    assert isinstance(caught.value, NotFound) == (":" in bento and len(bento) > 1)


def test_resolve_when_files_are_missing_says_what_to_do(save: Save) -> None:
    shutil.rmtree(save())
    with pytest.raises(BentoMLException, match=r"files of Iris:1 are missing.*bentoml delete Iris:1"):
        resolve_bundle_path("Iris:1")


def test_files_of_another_version_are_not_taken_for_those_of_a_tag(save: Save) -> None:
    """An old bundle with a flaw may be whole, and signed, too."""
    old, new = save(version="1"), save(version="2")
    shutil.rmtree(new)
    shutil.copytree(old, new)
    repository = get_yatai_client().repository
    for door in (
        lambda: resolve_bundle_path("Iris:latest"),
        lambda: repository.load("Iris:2"),
        lambda: repository.containerize("Iris:2"),
    ):
        with pytest.raises(BundleIntegrityException, match="should hold Iris:2, but holds Iris:1"):
            door()
