"""What holds for every artifact class; a test class per artifact derives from `ArtifactContract`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.exceptions import (
    ArtifactLoadingException,
    FailedPrecondition,
    InvalidArgument,
    MissingDependencyException,
)

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.service.artifacts import BentoServiceArtifact

METADATA = {"accuracy": 0.97, "classes": ["setosa", "virginica"], "run": {"id": 7, "note": "schön"}}


class ArtifactContract:
    """Override the hooks; the tests come with it."""

    library: ClassVar[str | None] = None
    """Module the artifact needs, if any."""
    requirement: ClassVar[str] = ""
    """What the hint must tell the user to install."""
    files: ClassVar[frozenset[str]] = frozenset()
    """Names of the files of an artifact called `model`."""

    def new(self, name: str = "model") -> BentoServiceArtifact:
        """An empty artifact."""
        raise NotImplementedError

    def good_object(self) -> Any:
        """Something it accepts."""
        raise NotImplementedError

    def wrong_object(self) -> Any:
        """Something it refuses at the latest when it is saved."""
        raise NotImplementedError

    def outcome(self, obj: Any) -> Any:
        """What must be the same before and after: predictions of a model, by default the object itself."""
        return obj

    def test_load_after_save_gives_same_outcome(self, tmp_path: Path) -> None:
        obj = self.good_object()
        expected = self.outcome(obj)
        assert self.new().pack(obj).save(str(tmp_path)) is None  # type: ignore[func-returns-value]
        artifact = self.new()
        assert artifact.load(str(tmp_path)) is artifact
        assert self.outcome(artifact.get()) == expected

    def test_save_writes_exactly_the_declared_files(self, tmp_path: Path) -> None:
        self.new().pack(self.good_object()).save(str(tmp_path))
        assert {path.name for path in tmp_path.iterdir()} == self.files

    def test_save_into_the_directory_it_was_loaded_from_keeps_it_readable(self, tmp_path: Path) -> None:
        obj = self.good_object()
        self.new().pack(obj).save(str(tmp_path))
        loaded = self.new().load(str(tmp_path))
        loaded.save(str(tmp_path))
        assert self.outcome(self.new().load(str(tmp_path)).get()) == self.outcome(obj)
        assert self.outcome(loaded.get()) == self.outcome(obj)

    def test_pack_when_given_an_object_makes_it_available(self) -> None:
        artifact = self.new()
        obj = self.good_object()
        assert not artifact.is_ready
        assert artifact.pack(obj) is artifact
        assert (artifact.packed, artifact.loaded, artifact.is_ready) == (True, False, True)
        assert self.outcome(artifact.get()) == self.outcome(obj)

    def test_load_marks_it_loaded(self, tmp_path: Path) -> None:
        self.new().pack(self.good_object()).save(str(tmp_path))
        artifact = self.new().load(str(tmp_path))
        assert (artifact.packed, artifact.loaded, artifact.is_ready) == (False, True, True)

    def test_get_when_empty_raises_failed_precondition(self) -> None:
        with pytest.raises(FailedPrecondition, match="model"):
            self.new().get()

    def test_save_when_empty_raises_failed_precondition(self, tmp_path: Path) -> None:
        with pytest.raises(FailedPrecondition, match="model"):
            self.new().save(str(tmp_path))
        assert list(tmp_path.iterdir()) == []

    def test_wrong_type_raises_invalid_argument_and_leaves_no_file(self, tmp_path: Path) -> None:
        artifact = self.new()
        with pytest.raises(InvalidArgument):
            artifact.pack(self.wrong_object()).save(str(tmp_path))
        assert list(tmp_path.iterdir()) == []

    def test_load_when_files_are_missing_names_the_artifact(self, tmp_path: Path) -> None:
        artifact = self.new()
        with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
            artifact.load(str(tmp_path))
        assert not artifact.is_ready

    def test_metadata_survives_save_and_load(self, tmp_path: Path) -> None:
        self.new().pack(self.good_object(), metadata=METADATA).save(str(tmp_path))
        assert self.new().load(str(tmp_path)).metadata == METADATA

    def test_metadata_by_default_is_empty(self, tmp_path: Path) -> None:
        artifact = self.new().pack(self.good_object(), metadata=None)
        assert artifact.metadata == {}
        artifact.save(str(tmp_path))
        assert self.new().load(str(tmp_path)).metadata == {}

    def test_metadata_when_not_a_dict_raises_type_error(self) -> None:
        artifact = self.new()
        with pytest.raises(TypeError, match="metadata must be a dict"):
            artifact.pack(self.good_object(), metadata="0.97")  # type: ignore[arg-type]
        assert not artifact.is_ready

    def test_fresh_copy_is_of_the_same_class_and_empty(self) -> None:
        artifact = self.new().pack(self.good_object())
        copy = artifact.fresh_copy()
        assert (type(copy), copy.name, copy.is_ready) == (type(artifact), "model", False)

    def test_pack_when_library_is_missing_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if self.library is None:
            return
        obj = self.good_object()
        monkeypatch.setitem(sys.modules, self.library, None)
        with pytest.raises(MissingDependencyException, match=f"run: pip install {self.requirement}"):
            self.new().pack(obj)

    def test_load_when_library_is_missing_says_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if self.library is None:
            return
        self.new().pack(self.good_object()).save(str(tmp_path))
        monkeypatch.setitem(sys.modules, self.library, None)
        with pytest.raises(MissingDependencyException, match=f"run: pip install {self.requirement}"):
            self.new().load(str(tmp_path))
