"""Pickle, JSON and text artifacts."""

from __future__ import annotations

import json
import pickle
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument, MissingDependencyException
from bentoml.service.artifacts.common import JSONArtifact, PickleArtifact, TextFileArtifact
from tests.service.artifact_contract import METADATA, ArtifactContract

if TYPE_CHECKING:
    from pathlib import Path


class TestPickleArtifact(ArtifactContract):
    files = frozenset({"model.pkl"})
    library: ClassVar[str | None] = None

    def new(self, name: str = "model") -> PickleArtifact:
        return PickleArtifact(name)

    def good_object(self) -> Any:
        return {"weights": [1.5, 2.5], "labels": ("a", "b")}

    def wrong_object(self) -> Any:
        return threading.Lock()


class TestPickleArtifactWithNamedModule(TestPickleArtifact):
    def new(self, name: str = "model") -> PickleArtifact:
        return PickleArtifact(name, pickle_module="pickle")

    def wrong_object(self) -> Any:
        return lambda: None


class TestPickleArtifactWithModule(TestPickleArtifactWithNamedModule):
    def new(self, name: str = "model") -> PickleArtifact:
        return PickleArtifact(name, pickle_module=pickle)


class TestPickleArtifactNeedsLibrary:
    def test_load_when_pickle_module_is_missing_says_what_to_install(self, tmp_path: Path) -> None:
        artifact = PickleArtifact("model", pickle_module="no_such_pickler").pack(1)
        with pytest.raises(MissingDependencyException, match="pip install no_such_pickler"):
            artifact.save(str(tmp_path))
        assert list(tmp_path.iterdir()) == []


class TestJSONArtifact(ArtifactContract):
    files = frozenset({"model.json"})

    def new(self, name: str = "model") -> JSONArtifact:
        return JSONArtifact(name)

    def good_object(self) -> Any:
        return {"vocabulary": ["ä", "b"], "size": 2, "ratio": 0.1, "none": None}

    def wrong_object(self) -> Any:
        return {1, 2}


class TestJSONArtifactInLatin1(TestJSONArtifact):
    def new(self, name: str = "model") -> JSONArtifact:
        return JSONArtifact(name, encoding="latin-1", json_module=json)


class TestTextFileArtifact(ArtifactContract):
    files = frozenset({"model.txt"})

    def new(self, name: str = "model") -> TextFileArtifact:
        return TextFileArtifact(name)

    def good_object(self) -> Any:
        return "first\r\nsecond\rthird\n\tünï"

    def wrong_object(self) -> Any:
        return b"bytes"


class TestTextFileArtifactNamedLikeItsMetadata(TestTextFileArtifact):
    files = frozenset({"model.yml"})

    def new(self, name: str = "model") -> TextFileArtifact:
        return TextFileArtifact(name, file_extension=".yml", encoding="utf-16")


def test_json_artifact_passes_arguments_to_dumps(tmp_path: Path) -> None:
    JSONArtifact("model").pack({"b": 1, "a": "ü"}, sort_keys=True, indent=1, ensure_ascii=False).save(str(tmp_path))
    assert (tmp_path / "model.json").read_text(encoding="utf-8") == '{\n "a": "ü",\n "b": 1\n}'


def test_json_artifact_when_encoding_cannot_express_it_raises_invalid_argument() -> None:
    with pytest.raises(InvalidArgument, match="can not be written as JSON"):
        JSONArtifact("model", encoding="ascii").pack("ü", ensure_ascii=False)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"], ids=["no JSON", "no UTF-8"])
def test_json_artifact_when_file_is_damaged_raises_loading_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match="can not be read as JSON"):
        JSONArtifact("model").load(str(tmp_path))


def test_text_artifact_when_file_is_damaged_raises_loading_error(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_bytes(b"\xff")
    with pytest.raises(ArtifactLoadingException, match=r"model\.txt can not be read"):
        TextFileArtifact("model").load(str(tmp_path))


def test_text_artifact_when_encoding_cannot_express_it_raises_invalid_argument() -> None:
    with pytest.raises(InvalidArgument, match="can not be written"):
        TextFileArtifact("model", encoding="ascii").pack("ü")


@pytest.mark.parametrize("extension", ["/../x", "\\x", "\n"])
def test_text_artifact_when_extension_leaves_the_directory_raises_invalid_argument(extension: str) -> None:
    with pytest.raises(InvalidArgument, match="extension"):
        TextFileArtifact("model", file_extension=extension)


def test_text_artifact_called_yml_keeps_text_and_metadata_apart(tmp_path: Path) -> None:
    TextFileArtifact("model", file_extension=".yml").pack("a: 1\n", metadata=METADATA).save(str(tmp_path))
    loaded = TextFileArtifact("model", file_extension=".yml").load(str(tmp_path))
    assert (loaded.get(), loaded.metadata) == ("a: 1\n", METADATA)


def test_old_modules_hold_the_same_classes() -> None:
    import bentoml.artifact as old
    from bentoml.service.artifacts import json_file, text_file
    from bentoml.service.artifacts import pickle as pickle_file

    assert old.PickleArtifact is pickle_file.PickleArtifact is PickleArtifact
    assert old.JSONArtifact is json_file.JSONArtifact is JSONArtifact
    assert old.TextFileArtifact is text_file.TextFileArtifact is TextFileArtifact


def test_old_module_has_every_name_that_it_lists() -> None:
    import bentoml.artifact as old
    from bentoml.frameworks import fastai, xgboost

    classes = [getattr(old, name) for name in old.__all__]
    assert {kind.__name__ for kind in classes} == set(old.__all__) - {"Fastai2ModelArtifact"}
    assert old.XgboostModelArtifact is xgboost.XgboostModelArtifact
    assert old.Fastai2ModelArtifact is old.FastaiModelArtifact is fastai.FastaiModelArtifact
