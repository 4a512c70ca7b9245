"""The books the base class keeps around the methods of artifact classes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bentoml.exceptions import (
    ArtifactLoadingException,
    FailedPrecondition,
    InvalidArgument,
    MissingDependencyException,
)
from bentoml.service.artifacts import BentoServiceArtifact
from bentoml.service.artifacts.common import PickleArtifact, TextFileArtifact

if TYPE_CHECKING:
    from typing_extensions import Self


class LengthArtifact(TextFileArtifact):
    """Calls its base class everywhere, as custom artifacts do."""

    def __init__(self, name: str, *, unit: str = "characters") -> None:
        super().__init__(name)
        self.unit = unit

    def pack(self, content: str, metadata: dict[str, Any] | None = None) -> Self:
        super().pack(content, metadata=metadata)
        return self

    def get(self) -> str:
        return f"{len(super().get())} {self.unit}"


class OldStyleArtifact(BentoServiceArtifact):
    """As written for early releases: `load` calls `pack`, no metadata, nothing is returned, paths are str."""

    content: str

    def pack(self, content: str) -> None:  # type: ignore[override]
        self.content = content

    def load(self, path: str) -> None:  # type: ignore[override]
        self.pack(Path(path + "/" + self.name + ".old").read_text(encoding="utf-8"))

    def save(self, dst: str) -> None:
        Path(dst + "/" + self.name + ".old").write_text(self.content, encoding="utf-8")

    def get(self) -> str:
        return self.content


class YamlArtifact(OldStyleArtifact):
    """Its own file has the name of the metadata."""

    def save(self, dst: str) -> None:
        Path(dst, f"{self.name}.yml").write_text("- 1\n", encoding="utf-8")


class PlainTextMixin:
    """Knows nothing of artifacts."""

    content = ""

    def pack(self, content: str) -> None:
        self.content = content

    def get(self) -> str:
        return self.content


class MixedArtifact(PlainTextMixin, BentoServiceArtifact):  # type: ignore[misc]
    pass


class BrokenArtifact(OldStyleArtifact):
    def pack(self, content: str) -> None:  # type: ignore[override]
        raise RuntimeError(content)


@pytest.mark.parametrize("name", ["", "1st", "a b", "a-b", "a.b", "a/b", "a\n", None, 3])
def test_name_when_no_identifier_raises_value_error(name: Any) -> None:
    with pytest.raises(ValueError, match="Artifact name must be a valid python identifier, a string is considered a "):
        PickleArtifact(name)


def test_name_when_unicode_identifier_is_accepted() -> None:
    assert PickleArtifact("modèle").name == "modèle"


def test_second_pack_warns_and_replaces(caplog: pytest.LogCaptureFixture) -> None:
    artifact = LengthArtifact("text").pack("a", metadata={"first": True})
    assert caplog.records == []
    artifact.pack("bc")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert artifact.get() == "2 characters"
    assert artifact.metadata == {}


def test_subclass_that_calls_its_base_keeps_metadata_and_state(tmp_path: Path) -> None:
    LengthArtifact("text").pack("abc", metadata={"k": 1}).save(str(tmp_path))
    loaded = LengthArtifact("text").load(str(tmp_path))
    assert (loaded.get(), loaded.metadata, loaded.packed, loaded.loaded) == ("3 characters", {"k": 1}, False, True)


def test_metadata_given_by_position_is_stored() -> None:
    assert PickleArtifact("model").pack(1, {"k": 1}).metadata == {"k": 1}


def test_metadata_with_tuples_and_numpy_numbers_becomes_plain(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    given = {"shape": (2, 3), "f1": numpy.float32(0.5), "n": numpy.int64(7), "ok": numpy.bool_(True)}
    artifact = PickleArtifact("model").pack(1, metadata=given)
    assert artifact.metadata == {"shape": [2, 3], "f1": 0.5, "n": 7, "ok": True}
    artifact.save(str(tmp_path))
    assert yaml.safe_load((tmp_path / "model.yml").read_text(encoding="utf-8")) == artifact.metadata


def test_metadata_changed_after_pack_by_the_caller_stays_as_given() -> None:
    given = {"runs": [1]}
    artifact = PickleArtifact("model").pack(1, metadata=given)
    given["runs"].append(2)
    assert artifact.metadata == {"runs": [1]}


@pytest.mark.parametrize("metadata", [{1: "a"}, {"a": object()}, {"a": {"b": [b"x"]}}], ids=["key", "value", "deep"])
def test_metadata_that_cannot_be_stored_raises_invalid_argument(metadata: dict[Any, Any]) -> None:
    artifact = PickleArtifact("model")
    with pytest.raises(InvalidArgument, match="'model': metadata"):
        artifact.pack(1, metadata=metadata)
    assert not artifact.is_ready


def test_old_style_artifact_takes_metadata_and_round_trips(tmp_path: Path) -> None:
    artifact: Any = OldStyleArtifact("model")
    assert artifact.pack("x", metadata={"k": 1}) is artifact
    artifact.save(tmp_path)
    loaded: Any = OldStyleArtifact("model")
    assert loaded.load(tmp_path) is loaded
    assert (loaded.get(), loaded.metadata, loaded.packed, loaded.loaded) == ("x", {"k": 1}, False, True)


def test_methods_of_a_mixin_are_guarded_too() -> None:
    artifact: Any = MixedArtifact("model")
    with pytest.raises(FailedPrecondition):
        artifact.get()
    assert artifact.pack("x", metadata={"k": 1}) is artifact
    assert (artifact.get(), artifact.metadata) == ("x", {"k": 1})


def test_pack_that_raises_leaves_the_artifact_empty() -> None:
    artifact = BrokenArtifact("model")
    with pytest.raises(RuntimeError, match="boom"):
        artifact.pack("boom")
    with pytest.raises(FailedPrecondition):
        artifact.get()


def test_save_when_own_file_has_the_name_of_the_metadata_raises_invalid_argument(tmp_path: Path) -> None:
    artifact = YamlArtifact("model")
    artifact.pack("x", metadata={"k": 1})  # type: ignore[call-arg]
    with pytest.raises(InvalidArgument, match=r"model\.yml"):
        artifact.save(str(tmp_path))


def test_save_again_without_metadata_removes_the_old_metadata(tmp_path: Path) -> None:
    PickleArtifact("model").pack(1, metadata={"k": 1}).save(str(tmp_path))
    PickleArtifact("model").pack(2).save(str(tmp_path))
    assert PickleArtifact("model").load(str(tmp_path)).metadata == {}


@pytest.mark.parametrize("text", ["- 1", "a: [", "\x00"], ids=["list", "no YAML", "no text"])
def test_load_when_metadata_is_damaged_raises_loading_error(tmp_path: Path, text: str) -> None:
    PickleArtifact("model").pack(1).save(str(tmp_path))
    (tmp_path / "model.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match=r"model\.yml"):
        PickleArtifact("model").load(str(tmp_path))


def test_fresh_copy_has_the_original_constructor_arguments() -> None:
    copy = LengthArtifact("text", unit="letters").pack("a").fresh_copy().pack("ab")
    assert copy.get() == "2 letters"


def test_load_when_the_content_can_not_be_read_names_artifact_reason_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"no pickle")
    with pytest.raises(ArtifactLoadingException) as caught:
        PickleArtifact("model").load(str(tmp_path))
    assert str(caught.value).startswith(f"PickleArtifact 'model' can not be loaded from {tmp_path}: UnpicklingError: ")
    assert "requirements.txt" in str(caught.value)


@pytest.mark.parametrize("error", [MissingDependencyException("numpy is not installed"), MemoryError()], ids=repr)
def test_load_when_the_error_speaks_for_itself_lets_it_through(tmp_path: Path, error: Exception) -> None:
    class Failing(PickleArtifact):
        def load(self, path: str) -> Self:
            raise error

    with pytest.raises(type(error)) as caught:
        Failing("model").load(str(tmp_path))
    assert caught.value is error


@pytest.mark.parametrize("call", ["pack", "load", "save"])
def test_method_that_a_subclass_does_not_implement_raises(call: str) -> None:
    with pytest.raises(NotImplementedError, match=f"BentoServiceArtifact does not implement {call}"):
        getattr(BentoServiceArtifact("model"), call)("x")
