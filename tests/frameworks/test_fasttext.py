"""The fastText artifact, on models that are trained here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.exceptions import ArtifactLoadingException
from bentoml.frameworks.fasttext import FasttextModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question
from tests.service.artifact_contract import ArtifactContract

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.environment("language")

fasttext = late_import("fasttext")

TEXT = "__label__fine a warm and sunny day\n__label__foul a cold and dull night\n" * 40
QUESTIONS = ["a sunny day", "cold night", "dull", "a warm evening"]

SERVICE = """
import bentoml
from bentoml.adapters import StringInput
from bentoml.frameworks.fasttext import FasttextModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([FasttextModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=StringInput(), batch=True, mb_max_latency=5000)
    def predict(self, texts):
        labels, chances = self.artifacts.model.predict(texts)
        return [[label[0], float(chance[0])] for label, chance in zip(labels, chances)]
"""


@pytest.fixture(scope="module", autouse=True)
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The training reads a file by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("corpus"))
        Path("corpus.txt").write_text(TEXT, encoding="utf-8")
        yield


class TestClassifier(FrameworkContract):
    library: ClassVar[str | None] = "fasttext"
    requirement = "fasttext-community"
    files = frozenset({"model"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "fasttext",
        "class": "fasttext.FastText._FastText",
        "kind": "supervised",
        "dimension": 8,
        "labels": 2,
    }

    def new(self, name: str = "model") -> FasttextModelArtifact:
        return FasttextModelArtifact(name)

    def good_object(self) -> Any:
        return fasttext.train_supervised("corpus.txt", dim=8, epoch=20, thread=1, verbose=0)

    def wrong_object(self) -> Any:
        return "model.bin"

    def outcome(self, obj: Any) -> Any:
        labels, chances = obj.predict(QUESTIONS, k=2)
        return [[list(some) for some in labels], [some.tolist() for some in chances]]

    def questions(self, obj: Any) -> list[Question]:
        labels, chances = obj.predict(QUESTIONS)
        answers = [[label[0], float(chance[0])] for label, chance in zip(labels, chances, strict=True)]
        return [Question(text.encode(), answer, "text/plain") for text, answer in zip(QUESTIONS, answers, strict=True)]


class TestVectors(ArtifactContract):
    files = frozenset({"model"})

    def new(self, name: str = "model") -> FasttextModelArtifact:
        return FasttextModelArtifact(name)

    def good_object(self) -> Any:
        return fasttext.train_unsupervised("corpus.txt", dim=4, epoch=1, thread=1, minCount=1, verbose=0)

    def wrong_object(self) -> Any:
        return {"word": [0.0]}

    def outcome(self, obj: Any) -> Any:
        return [obj.get_word_vector(word).tolist() for word in ("sunny", "unseen")]


def test_facts_of_vectors_have_no_labels() -> None:
    facts = FasttextModelArtifact("model").pack(TestVectors().good_object()).facts()
    assert (facts["kind"], facts["dimension"]) == ("skipgram", 4)
    assert "labels" not in facts


@pytest.mark.parametrize("content", [b"", b"no model"], ids=["empty", "other"])
def test_load_of_a_damaged_file_names_the_artifact(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        FasttextModelArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize(
    ("infer", "expected"), [(True, ["fasttext-community"]), (False, [])], ids=["inferred", "declared"]
)
def test_set_dependencies_adds_fasttext_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    FasttextModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected
