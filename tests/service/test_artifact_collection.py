"""The artifacts of a service, by name."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from bentoml.exceptions import ArtifactLoadingException, FailedPrecondition, InvalidArgument
from bentoml.service.artifacts import ArtifactCollection
from bentoml.service.artifacts.common import PickleArtifact, TextFileArtifact

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def collection() -> ArtifactCollection:
    packed = PickleArtifact("model").pack([1, 2])
    return ArtifactCollection([packed, TextFileArtifact("vocabulary")], service_name="Iris")


def test_attribute_gives_the_object_and_item_the_artifact(collection: ArtifactCollection) -> None:
    assert collection.model == [1, 2]
    assert isinstance(collection["model"], PickleArtifact)
    assert collection.get("model") is collection["model"]


def test_attribute_of_empty_artifact_raises_failed_precondition(collection: ArtifactCollection) -> None:
    with pytest.raises(FailedPrecondition, match="vocabulary"):
        _ = collection.vocabulary


def test_unknown_name_raises_key_error(collection: ArtifactCollection) -> None:
    with pytest.raises(KeyError, match="other"):
        _ = collection.other
    with pytest.raises(KeyError, match="other"):
        _ = collection["other"]
    with pytest.raises(KeyError, match="other"):
        collection.get("other")
    assert collection.get("other", None) is None


def test_dict_methods_work(collection: ArtifactCollection) -> None:
    assert list(collection) == ["model", "vocabulary"]
    assert (len(collection), "model" in collection, "other" in collection) == (2, True, False)
    assert collection.get_artifact_list() == list(collection.values())
    assert collection.pop("model").get() == [1, 2]
    assert "model" not in collection


@pytest.mark.parametrize(
    "store",
    [
        pytest.param(lambda collection, artifact: collection.__setitem__("other", artifact), id="item"),
        pytest.param(lambda collection, artifact: collection.update({"other": artifact}), id="update"),
        pytest.param(lambda collection, artifact: collection.__ior__({"other": artifact}), id="merge"),
        pytest.param(lambda collection, artifact: collection.setdefault("other", artifact), id="setdefault"),
    ],
)
def test_storing_under_another_name_raises_invalid_argument(
    collection: ArtifactCollection, store: Callable[[ArtifactCollection, PickleArtifact], None]
) -> None:
    with pytest.raises(InvalidArgument, match="'model' can not be stored under the name 'other'"):
        store(collection, PickleArtifact("model"))


def test_storing_under_the_own_name_works_in_every_way() -> None:
    collection = ArtifactCollection()
    first, second, third, data = (PickleArtifact(name).pack(name) for name in ("first", "second", "third", "data"))
    collection["first"] = first
    collection.update([("second", second)])
    collection |= {"third": third}
    assert collection.setdefault("data", data) is data
    assert collection.setdefault("first", PickleArtifact("first")) is first
    assert list(collection.values()) == [first, second, third, data]
    assert collection.data == "data"
    assert isinstance(collection, ArtifactCollection)


def test_storing_something_else_raises_invalid_argument(collection: ArtifactCollection) -> None:
    with pytest.raises(InvalidArgument, match="not a BentoServiceArtifact"):
        collection["model"] = [1]  # type: ignore[assignment]


def test_copies_can_be_made(collection: ArtifactCollection) -> None:
    assert copy.copy(collection)["model"] is collection["model"]
    deep = copy.deepcopy(collection)
    assert deep["model"] is not collection["model"]
    assert deep.model == [1, 2]


def test_save_leaves_out_empty_artifacts_with_the_frozen_warning(
    collection: ArtifactCollection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collection.save(str(tmp_path))
    assert {path.name for path in (tmp_path / "artifacts").iterdir()} == {"model.pkl"}
    (record,) = caplog.records
    assert record.msg == "Missing declared artifact '%s' for BentoService '%s'"
    assert record.args == ("vocabulary", "Iris")


def test_load_all_after_save_makes_every_artifact_ready(tmp_path: Path) -> None:
    declared = [PickleArtifact("model"), TextFileArtifact("vocabulary")]
    collection = ArtifactCollection.from_declared_artifact_list(declared)
    collection["model"].pack(5)
    collection["vocabulary"].pack("a b")
    collection.save(tmp_path)
    loaded = ArtifactCollection.from_declared_artifact_list(declared)
    loaded.load_all(tmp_path / "artifacts")
    assert (loaded.model, loaded.vocabulary) == (5, "a b")
    assert all(artifact.loaded for artifact in loaded.values())
    assert not any(artifact.is_ready for artifact in declared)


def test_load_all_when_one_is_missing_raises(collection: ArtifactCollection, tmp_path: Path) -> None:
    collection.save(tmp_path)
    with pytest.raises(ArtifactLoadingException, match="'vocabulary' can not be loaded"):
        collection.load_all(tmp_path / "artifacts")
