"""The spaCy artifact, on a pipeline that is trained here from nothing."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.exceptions import ArtifactLoadingException
from bentoml.frameworks.spacy import SpacyModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.environment("language")

spacy = late_import("spacy")
training = late_import("spacy.training")

SENTENCES = ["a warm and sunny day", "such a fine evening", "what a cold rain", "a dull and stormy night"]
UNSEEN = ["a sunny evening", "cold and dull", "rain"]

SERVICE = """
import bentoml
from bentoml.adapters import StringInput
from bentoml.frameworks.spacy import SpacyModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SpacyModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=StringInput(), batch=True, mb_max_latency=5000)
    def predict(self, texts):
        return [doc.cats for doc in self.artifacts.model.pipe(texts)]
"""


def trained() -> Any:
    """Tells fine from foul weather, and knows two cities."""
    random.seed(0)
    spacy.util.fix_random_seed(0)
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    labels = pipeline.add_pipe("textcat")
    for label in ("fine", "foul"):
        labels.add_label(label)
    examples = [
        training.Example.from_dict(pipeline.make_doc(text), {"cats": {"fine": number < 2, "foul": number >= 2}})
        for number, text in enumerate(SENTENCES)
    ]
    optimizer = pipeline.initialize(lambda: examples)
    for _ in range(10):
        pipeline.update(examples, sgd=optimizer)
    cities = [{"label": "CITY", "pattern": name} for name in ("Rome", "Oslo")]
    pipeline.add_pipe("entity_ruler").add_patterns(cities)
    return pipeline


class TestPipeline(FrameworkContract):
    library: ClassVar[str | None] = "spacy"
    requirement = "spacy"
    files = frozenset({"model"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "spacy",
        "class": "spacy.lang.en.English",
        "language": "en",
        "components": ["sentencizer", "textcat", "entity_ruler"],
    }

    def new(self, name: str = "model") -> SpacyModelArtifact:
        return SpacyModelArtifact(name)

    def good_object(self) -> Any:
        return trained()

    def wrong_object(self) -> Any:
        return "en_core_web_sm"

    def outcome(self, obj: Any) -> Any:
        docs = list(obj.pipe([*SENTENCES, *UNSEEN, "From Rome. To Oslo!"]))
        cities = [[entity.text, entity.label_] for entity in docs[-1].ents]
        return [[doc.cats for doc in docs], cities, [sentence.text for sentence in docs[-1].sents]]

    def questions(self, obj: Any) -> list[Question]:
        return [Question(text.encode(), obj(text).cats, "text/plain") for text in UNSEEN]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Sums of 32-bit floats differ in the last digit with the number of texts."""
        if isinstance(expected, dict) and isinstance(actual, dict):
            return bool(actual == pytest.approx(expected, rel=1e-4))
        return bool(actual == expected)


def test_facts_count_the_weights(tmp_path: Path) -> None:
    artifact = SpacyModelArtifact("model").pack(trained())
    artifact.save(str(tmp_path))
    count = artifact.facts()["parameters"]
    assert count > 1000
    assert SpacyModelArtifact("model").load(str(tmp_path)).facts()["parameters"] == count


def test_facts_of_a_blank_pipeline_have_no_components() -> None:
    facts = SpacyModelArtifact("model").pack(spacy.blank("de")).facts()
    assert (facts["language"], facts["components"], facts["parameters"]) == ("de", [], 0)


def test_save_again_leaves_no_files_of_the_pipeline_before(tmp_path: Path) -> None:
    SpacyModelArtifact("model").pack(trained()).save(str(tmp_path))
    SpacyModelArtifact("model").pack(spacy.blank("en")).save(str(tmp_path))
    assert not (tmp_path / "model" / "textcat").exists()
    assert SpacyModelArtifact("model").load(str(tmp_path)).get().pipe_names == []


def test_files_on_disk_are_no_pickles(tmp_path: Path) -> None:
    SpacyModelArtifact("model").pack(trained()).save(str(tmp_path))
    for file in tmp_path.rglob("*.*"):
        assert file.suffix not in {".pkl", ".pickle"}
    config = (tmp_path / "model" / "meta.json").read_text(encoding="utf-8")
    assert json.loads(config)["lang"] == "en"


def test_load_of_a_directory_without_configuration_names_the_artifact(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        SpacyModelArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize(("infer", "expected"), [(True, ["spacy"]), (False, [])], ids=["inferred", "declared"])
def test_set_dependencies_adds_spacy_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    SpacyModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected
