"""Bundles that carry pickles are refused, where pickles are not allowed, before their code runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.exceptions import ArtifactLoadingException
from bentoml.saved_bundle import load, load_bento_service_class, save_to_dir

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project

MIXED = """
import os
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import JSONArtifact, PickleArtifact, TextFileArtifact

if "MARK" in os.environ:
    open(os.environ["MARK"], "a").close()


@bentoml.artifacts([PickleArtifact("model"), JSONArtifact("table"), PickleArtifact("scaler")])
class Mixed(bentoml.BentoService):
    pass


@bentoml.artifacts([JSONArtifact("table"), TextFileArtifact("notes")])
class Plain(bentoml.BentoService):
    pass
"""


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the service module makes when it is imported again."""
    monkeypatch.delenv("MARK", raising=False)
    return tmp_path / "imported"


@pytest.fixture
def mixed(project: Project, bundle_dir: Path, tmp_path: Path) -> Path:
    project.write(mixed=MIXED)
    service = project.import_("mixed").Mixed()
    service.pack("model", Touch(tmp_path / "unpickled")).pack("table", {}).pack("scaler", 1)
    save_to_dir(service, bundle_dir, version="1")
    return bundle_dir


def forge(bundle: Path, old: str, new: str) -> None:
    """Change what the manifest says of pickles."""
    for directory in (bundle, bundle / "Mixed"):
        path = directory / "bentoml.yml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("how", ["argument", "configuration", "class"])
def test_load_when_pickles_are_not_allowed_lists_them_and_imports_nothing(
    mixed: Path, mark: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("MARK", str(mark))
    if how == "configuration":
        monkeypatch.setenv("BENTOML__BENTO_SERVER__ALLOW_PICKLE", "false")
    loader: Any = load_bento_service_class if how == "class" else load
    with pytest.raises(ArtifactLoadingException) as caught:
        loader(mixed, **({} if how == "configuration" else {"allow_pickle": False}))
    text = str(caught.value)
    assert "Mixed:1 is not loaded, because pickles are not allowed here" in text
    assert "'model' (PickleArtifact), 'scaler' (PickleArtifact); pack them in a format that cannot run code" in text
    assert "'table'" not in text
    assert not mark.exists()


def test_load_when_the_argument_allows_what_the_configuration_does_not_loads(
    mixed: Path, mark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARK", str(mark))
    monkeypatch.setenv("BENTOML__BENTO_SERVER__ALLOW_PICKLE", "false")
    assert load(mixed, allow_pickle=True).artifacts.scaler == 1
    assert mark.exists()
    assert (tmp_path / "unpickled").is_dir()


def test_load_without_pickles_where_they_are_not_allowed_loads(project: Project, bundle_dir: Path) -> None:
    project.write(mixed=MIXED)
    save_to_dir(project.import_("mixed").Plain().pack("table", {"a": 1}).pack("notes", "x"), bundle_dir)
    assert load(bundle_dir, allow_pickle=False).artifacts.table == {"a": 1}


def test_load_of_a_bundle_that_does_not_say_counts_every_artifact_as_a_pickle(mixed: Path) -> None:
    forge(mixed, "  carries_pickle: true\n", "")
    forge(mixed, "  carries_pickle: false\n", "")
    with pytest.raises(
        ArtifactLoadingException, match="'table' \\(JSONArtifact, of which the bundle does not say it\\)"
    ):
        load(mixed, verify=False, allow_pickle=False)


def test_load_of_a_bundle_that_lies_unpickles_nothing(mixed: Path, tmp_path: Path) -> None:
    forge(mixed, "carries_pickle: true", "carries_pickle: false")
    with pytest.raises(
        ArtifactLoadingException, match=r"'model' would be unpickled from .*, and pickles are not allowed"
    ):
        load(mixed, verify=False, allow_pickle=False)
    assert not (tmp_path / "unpickled").exists()
    service_class = load_bento_service_class(mixed, verify=False, allow_pickle=False)
    with pytest.raises(ArtifactLoadingException, match="would be unpickled"):
        service_class()
