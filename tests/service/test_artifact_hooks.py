"""What an artifact says of itself without being loaded: pickles, facts, and the device it loads onto."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest
from typing_extensions import Self

from bentoml.exceptions import BentoMLConfigException, FailedPrecondition
from bentoml.service.artifacts import BentoServiceArtifact
from bentoml.service.artifacts.common import JSONArtifact, PickleArtifact, TextFileArtifact


class SilentArtifact(BentoServiceArtifact):
    """Says nothing of pickles."""

    def pack(self, obj: Any, metadata: dict[str, Any] | None = None) -> Self:
        self.obj = obj
        return self

    def get(self) -> Any:
        return self.obj


class ShapeArtifact(SilentArtifact):
    carries_pickle = False

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "parameters": len(self.obj)}


ARTIFACTS = [
    pytest.param(SilentArtifact("a"), True, id="class that does not say"),
    pytest.param(ShapeArtifact("a"), False, id="class that says no"),
    pytest.param(PickleArtifact("a"), True, id="pickle"),
    pytest.param(PickleArtifact("a", pickle_module="json"), True, id="pickle by another module"),
    pytest.param(TextFileArtifact("a"), False, id="text"),
    pytest.param(JSONArtifact("a"), False, id="JSON"),
    pytest.param(JSONArtifact("a", json_module=json), False, id="JSON by the standard library"),
    pytest.param(JSONArtifact("a", json_module="simplejson"), False, id="JSON by a known module"),
    pytest.param(JSONArtifact("a", json_module="jsonpickle"), True, id="JSON by a module that makes objects"),
    pytest.param(JSONArtifact("a", json_module=ModuleType("mine")), True, id="JSON by an unknown module"),
]


@pytest.mark.parametrize(("artifact", "expected"), ARTIFACTS)
def test_carries_pickle_is_what_load_may_run(artifact: BentoServiceArtifact, expected: bool) -> None:
    assert artifact.carries_pickle is expected
    assert artifact.has_pickle_in("/nowhere") is expected


def test_facts_of_an_object_of_no_library_tell_its_class() -> None:
    assert PickleArtifact("a").pack({"b": 1}).facts() == {"class": "builtins.dict"}


def test_facts_of_an_object_of_a_library_tell_its_version() -> None:
    numpy = pytest.importorskip("numpy")
    assert PickleArtifact("a").pack(numpy.zeros(3)).facts() == {
        "class": "numpy.ndarray",
        "framework": "numpy",
        "framework_version": numpy.__version__,
    }


def test_facts_of_a_subclass_add_to_those_of_its_base() -> None:
    assert ShapeArtifact("a").pack([1, 2]).facts() == {"class": "builtins.list", "parameters": 2}


def test_facts_when_empty_raises_failed_precondition() -> None:
    with pytest.raises(FailedPrecondition):
        PickleArtifact("a").facts()


def test_chosen_device_by_default_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENTOML_DEVICE", raising=False)
    assert PickleArtifact("a").chosen_device() == "cpu"


def test_chosen_device_is_configured_and_the_variable_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML__BENTO_SERVER__DEVICE", "cuda:1")
    assert PickleArtifact("a").chosen_device() == "cuda:1"
    monkeypatch.setenv("BENTOML_DEVICE", "cuda")
    assert PickleArtifact("a").chosen_device() == "cuda"


@pytest.mark.parametrize("text", ["gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1000", "cpu:0 ", "/dev/null", "cpu\n"])
@pytest.mark.parametrize("variable", ["BENTOML_DEVICE", "BENTOML__BENTO_SERVER__DEVICE"])
def test_chosen_device_when_it_is_none_says_what_is(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, json.dumps(text) if variable.startswith("BENTOML__") else text)
    with pytest.raises(BentoMLConfigException, match="must be a device such as cpu, cuda or cuda:1, not"):
        PickleArtifact("a").chosen_device()
