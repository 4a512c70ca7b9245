from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLException, NotFound, YataiServiceException
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


def test_resolve_when_yatai_url_is_given_does_not_look_here(save: Save) -> None:
    save()
    with pytest.raises(YataiServiceException, match="Remote registries"):
        resolve_bundle_path("Iris:1", "http://yatai:3000")
