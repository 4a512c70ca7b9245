"""The transformers artifact, on models that are trained here from nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.transformers import TransformersModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks import tiny_transformers as tiny
from tests.frameworks.contract import FrameworkContract, Question
from tests.frameworks.mapped_files import mapped_ranges

pytestmark = pytest.mark.environment("torch")

image = late_import("PIL.Image")
torch = late_import("torch")
transformers = late_import("transformers")

TEXT_SERVICE = """
import bentoml
import torch
from bentoml.adapters import StringInput
from bentoml.frameworks.transformers import TransformersModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([TransformersModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=StringInput(), batch=True, mb_max_latency=5000)
    def predict(self, texts):
        model = self.artifacts.model["model"]
        inputs = self.artifacts.model["tokenizer"](texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            return model(**inputs.to(model.device)).logits.softmax(dim=1).tolist()
"""
IMAGE_SERVICE = """
import bentoml
import torch
from bentoml.adapters import ImageInput
from bentoml.frameworks.transformers import TransformersModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([TransformersModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=ImageInput(), batch=True, mb_max_latency=5000)
    def predict(self, images):
        model = self.artifacts.model["model"]
        inputs = self.artifacts.model["image_processor"](images, return_tensors="pt")
        with torch.inference_mode():
            return model(**inputs.to(model.device)).logits.softmax(dim=1).tolist()
"""
PIPELINE_SERVICE = """
import bentoml
from bentoml.adapters import StringInput
from bentoml.frameworks.transformers import TransformersModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([TransformersModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=StringInput(), batch=True, mb_max_latency=5000)
    def predict(self, texts):
        return self.artifacts.model(texts, batch_size=len(texts))
"""


class _Contract(FrameworkContract):
    library: ClassVar[str | None] = "transformers"
    requirement = "transformers"
    pinned = ("torch", "transformers")
    files = frozenset({"model"})

    def new(self, name: str = "model") -> TransformersModelArtifact:
        return TransformersModelArtifact(name)

    def wrong_object(self) -> Any:
        return tiny.text_classifier()

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Sums of 32-bit floats differ in the last digit with the number of texts."""
        return near(actual, expected)


class TestTextClassifier(_Contract):
    service = TEXT_SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "transformers",
        "class": "transformers.models.bert.modeling_bert.BertForSequenceClassification",
        "architecture": "BertForSequenceClassification",
        "dtype": "float32",
        "max_length": 64,
        "input_signature": [
            {"name": "input_ids", "dtype": "int64", "shape": [None, None]},
            {"name": "attention_mask", "dtype": "int64", "shape": [None, None]},
        ],
    }

    def good_object(self) -> Any:
        return {"model": tiny.text_classifier(), "tokenizer": tiny.tokenizer()}

    def outcome(self, obj: Any) -> Any:
        return [probabilities(obj, text) for text in [*tiny.SENTENCES, *tiny.UNSEEN]]

    def questions(self, obj: Any) -> list[Question]:
        return [Question(text.encode(), probabilities(obj, text), "text/plain") for text in tiny.UNSEEN]


class TestImageClassifier(_Contract):
    service = IMAGE_SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "architecture": "ViTForImageClassification",
        "class": "transformers.models.vit.modeling_vit.ViTForImageClassification",
        "framework": "transformers",
    }

    def good_object(self) -> Any:
        return {"model": tiny.image_classifier(), "image_processor": tiny.image_processor()}

    def outcome(self, obj: Any) -> Any:
        return [self._probabilities(obj, pixels) for pixels in tiny.images()]

    def questions(self, obj: Any) -> list[Question]:
        return [Question(png(pixels), self._probabilities(obj, pixels), "image/png") for pixels in tiny.images()[2:6]]

    @staticmethod
    def _probabilities(obj: Any, pixels: Any) -> list[float]:
        inputs = obj["image_processor"]([pixels], return_tensors="pt")
        with torch.inference_mode():
            return rounded(obj["model"](**inputs).logits.softmax(dim=1)[0].tolist())


class TestPipeline(_Contract):
    service = PIPELINE_SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "task": "text-classification",
        "class": "transformers.pipelines.text_classification.TextClassificationPipeline",
        "architecture": "BertForSequenceClassification",
        "framework": "transformers",
    }

    def good_object(self) -> Any:
        return transformers.pipeline(
            "text-classification", model=tiny.text_classifier(), tokenizer=tiny.tokenizer(), top_k=None
        )

    def outcome(self, obj: Any) -> Any:
        return [self._answer(obj, text) for text in [*tiny.SENTENCES, *tiny.UNSEEN]]

    def questions(self, obj: Any) -> list[Question]:
        return [Question(text.encode(), self._answer(obj, text), "text/plain") for text in tiny.UNSEEN]

    @staticmethod
    def _answer(obj: Any, text: str) -> list[dict[str, Any]]:
        (labels,) = obj([text])
        return [{"label": one["label"], "score": round(one["score"], 4)} for one in labels]


def probabilities(obj: Any, *texts: str) -> Any:
    """Of the first text, when all are asked at once."""
    inputs = obj["tokenizer"](list(texts), padding=True, return_tensors="pt")
    with torch.inference_mode():
        return rounded(obj["model"](**inputs).logits.softmax(dim=1)[0].tolist())


def rounded(numbers: list[float]) -> list[float]:
    return [round(number, 4) for number in numbers]


def near(actual: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(near(actual[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(map(near, actual, expected))
    if isinstance(expected, float):
        return bool(actual == pytest.approx(expected, abs=1e-3))
    return bool(actual == expected)


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def packed() -> TransformersModelArtifact:
    return TransformersModelArtifact("model").pack({"model": tiny.text_classifier(), "tokenizer": tiny.tokenizer()})


def saved_and_loaded(artifact: TransformersModelArtifact, directory: Path) -> Any:
    artifact.save(str(directory))
    return TransformersModelArtifact("model").load(str(directory)).get()


def test_models_here_have_learnt_something_and_padding_needs_the_mask() -> None:
    model = {"model": tiny.text_classifier(), "tokenizer": tiny.tokenizer()}
    answers = [probabilities(model, text).index(max(probabilities(model, text))) for text in tiny.SENTENCES]
    assert answers == [0, 0, 1, 1]
    assert near(probabilities(model, *tiny.UNSEEN), probabilities(model, tiny.UNSEEN[0]))
    inputs = tiny.tokenizer()(tiny.UNSEEN, padding=True, return_tensors="pt")
    with torch.inference_mode():
        without = tiny.text_classifier()(inputs["input_ids"]).logits.softmax(dim=1)[0].tolist()
    assert not near(rounded(without), probabilities(model, tiny.UNSEEN[0]))


def test_facts_count_parameters_and_words() -> None:
    facts = packed().facts()
    assert facts["parameters"] == sum(one.numel() for one in tiny.text_classifier().parameters())
    assert facts["vocabulary_size"] == len(tiny.tokenizer())


def test_files_name_the_classes_and_hold_no_pickle(tmp_path: Path) -> None:
    packed().save(str(tmp_path))
    directory = tmp_path / "model"
    assert (directory / "_model_type.txt").read_text(encoding="utf-8") == "BertForSequenceClassification"
    assert hasattr(transformers, (directory / "tokenizer_type.txt").read_text(encoding="utf-8"))
    assert {file.suffix for file in directory.iterdir()} == {".json", ".safetensors", ".txt"}


def test_load_gives_modules_in_eval_mode_on_the_chosen_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = transformers.BertForSequenceClassification(tiny.text_classifier().config).train()
    artifact = TransformersModelArtifact("model").pack({"model": model, "tokenizer": tiny.tokenizer()})
    loaded = saved_and_loaded(artifact, tmp_path)
    assert (loaded["model"].training, str(loaded["model"].device)) == (False, "cpu")
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:7")
    with pytest.raises(ArtifactLoadingException, match="there is no device 'cuda:7'"):
        TransformersModelArtifact("model").load(str(tmp_path))


def test_half_precision_survives(tmp_path: Path) -> None:
    model = transformers.BertForSequenceClassification(tiny.text_classifier().config).to(torch.bfloat16)
    artifact = TransformersModelArtifact("model").pack({"model": model, "tokenizer": tiny.tokenizer()})
    assert artifact.facts()["dtype"] == "bfloat16"
    loaded = saved_and_loaded(artifact, tmp_path)["model"]
    assert loaded.dtype == torch.bfloat16
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())


def test_weights_that_are_loaded_lie_on_the_file(tmp_path: Path) -> None:
    loaded = saved_and_loaded(packed(), tmp_path)["model"]
    ranges = mapped_ranges(tmp_path / "model" / "model.safetensors")
    assert all(any(low <= parameter.data_ptr() < high for low, high in ranges) for parameter in loaded.parameters()), (
        "some parameters were copied"
    )


SETTINGS: list[tuple[str, Any, dict[str, Any]]] = [
    ("text-classification", tiny.text_classifier, {"top_k": 2, "function_to_apply": "sigmoid"}),
    ("text-classification", tiny.text_classifier, {"batch_size": 2, "truncation": True, "max_length": 4}),
    ("text-generation", tiny.writer, {"max_new_tokens": 3, "return_full_text": False}),
    ("text-generation", tiny.writer, {"min_new_tokens": 3, "max_new_tokens": 3, "do_sample": False}),
]


@pytest.mark.parametrize(("task", "model", "settings"), SETTINGS, ids=["scores", "batches", "new text", "longer"])
def test_pipeline_keeps_what_it_was_made_with(task: str, model: Any, settings: dict[str, Any], tmp_path: Path) -> None:
    made = transformers.pipeline(task, model=model(), tokenizer=tiny.tokenizer(), **settings)
    plain = transformers.pipeline(task, model=model(), tokenizer=tiny.tokenizer())
    loaded = saved_and_loaded(TransformersModelArtifact("model").pack(made), tmp_path)
    assert type(loaded) is type(made)
    assert loaded.task == task
    texts = ["a warm and sunny", "a cold"]
    assert near(loaded(texts), made(texts))
    assert (vars(loaded)["_batch_size"], loaded(texts)) != (vars(plain)["_batch_size"], plain(texts))


def test_pipeline_of_images_comes_back(tmp_path: Path) -> None:
    made = transformers.pipeline(
        "image-classification", model=tiny.image_classifier(), image_processor=tiny.image_processor()
    )
    loaded = saved_and_loaded(TransformersModelArtifact("model").pack(made), tmp_path)
    pictures = [image.fromarray(pixels) for pixels in tiny.images()]
    assert [answers[0]["label"] for answers in loaded(pictures)] == ["left"] * 4 + ["right"] * 4
    assert near(loaded(pictures), made(pictures))


def test_processor_comes_back_with_its_parts(tmp_path: Path) -> None:
    torch.manual_seed(0)
    processor = transformers.CLIPProcessor(image_processor=clip_image_processor(), tokenizer=tiny.tokenizer())
    text = {"vocab_size": len(tiny.tokenizer()), "projection_dim": 16, "eos_token_id": 3, **tiny.SIZES}
    vision = {"image_size": 8, "patch_size": 4, "projection_dim": 16, **tiny.SIZES}
    model = transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16))
    model.eval()
    artifact = TransformersModelArtifact("model").pack({"model": model, "processor": processor})
    loaded = saved_and_loaded(artifact, tmp_path)
    assert loaded.keys() == {"model", "processor"}

    def similarities(parts: dict[str, Any]) -> list[list[float]]:
        pictures = list(tiny.images()[:2])
        inputs = parts["processor"](text=tiny.UNSEEN, images=pictures, padding=True, return_tensors="pt")
        with torch.inference_mode():
            return [rounded(row) for row in parts["model"](**inputs).logits_per_image.tolist()]

    assert near(similarities(loaded), similarities({"model": model, "processor": processor}))


def clip_image_processor() -> Any:
    size = {"height": 8, "width": 8}
    return transformers.CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size=size)


def test_pack_of_a_directory_reads_what_transformers_wrote(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    tiny.text_classifier().save_pretrained(source)
    tiny.tokenizer().save_pretrained(source)
    artifact = TransformersModelArtifact("model").pack(str(source))
    assert artifact.get().keys() == {"model", "tokenizer"}
    assert type(artifact.get()["model"]) is transformers.BertForSequenceClassification
    expected = probabilities(packed().get(), tiny.UNSEEN[0])
    assert probabilities(saved_and_loaded(artifact, target), tiny.UNSEEN[0]) == expected
    again = TransformersModelArtifact("model").pack(target / "model")  # and what this artifact wrote
    assert probabilities(again.get(), tiny.UNSEEN[0]) == expected


def test_pack_of_a_directory_finds_an_image_processor(tmp_path: Path) -> None:
    tiny.image_classifier().save_pretrained(tmp_path)
    tiny.image_processor().save_pretrained(tmp_path)
    assert TransformersModelArtifact("model").pack(tmp_path).get().keys() == {"model", "image_processor"}


def test_pack_of_a_directory_finds_a_feature_extractor(tmp_path: Path) -> None:
    sizes = {**tiny.SIZES, "conv_dim": (8,), "conv_stride": (5,), "conv_kernel": (10,), "num_feat_extract_layers": 1}
    config = transformers.Wav2Vec2Config(num_conv_pos_embedding_groups=2, num_conv_pos_embeddings=4, **sizes)
    transformers.Wav2Vec2Model(config).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    assert TransformersModelArtifact("model").pack(tmp_path).get().keys() == {"model", "feature_extractor"}


WRONG: dict[str, tuple[Any, str]] = {
    "nothing to prepare inputs": (lambda: {"model": tiny.text_classifier()}, r"one or more of tokenizer, processor"),
    "no model": (lambda: {"tokenizer": tiny.tokenizer()}, r"keys 'model' and one or more"),
    "another key": (lambda: {"model": tiny.text_classifier(), "config": 1}, r"got \['config', 'model'\]"),
    "a plain module": (
        lambda: {"model": torch.nn.Linear(1, 1), "tokenizer": tiny.tokenizer()},
        "takes a PreTrainedModel",
    ),
    "no tokenizer": (lambda: {"model": tiny.text_classifier(), "tokenizer": "bert"}, "takes a PreTrainedTokenizerBase"),
    "neither directory nor name": (lambda: "/no/such/directory", "neither a directory nor a name on the hub"),
}


@pytest.mark.parametrize("case", WRONG)
def test_pack_when_wrong_says_what_it_takes(case: str) -> None:
    make, words = WRONG[case]
    with pytest.raises(InvalidArgument, match=words):
        TransformersModelArtifact("model").pack(make())


def test_pack_of_a_setting_that_is_no_plain_value_says_which() -> None:
    pipeline = transformers.pipeline(
        "text-generation", model=tiny.writer(), tokenizer=tiny.tokenizer(), prefix_allowed_tokens_fn=print
    )
    with pytest.raises(InvalidArgument, match=r"cannot keep a setting .*prefix_allowed_tokens_fn is <built-in"):
        TransformersModelArtifact("model").pack(pipeline)


def test_tokenizer_keeps_what_was_set_later(tmp_path: Path) -> None:
    tokenizer = tiny.tokenizer()
    tokenizer.padding_side = tokenizer.truncation_side = "left"
    tokenizer.model_input_names = ["input_ids"]
    artifact = TransformersModelArtifact("model").pack({"model": tiny.writer(), "tokenizer": tokenizer})
    loaded = saved_and_loaded(artifact, tmp_path)["tokenizer"]
    assert (loaded.padding_side, loaded.truncation_side) == ("left", "left")
    assert dict(loaded(["rain", "what a cold rain"], padding=True)) == dict(
        tokenizer(["rain", "what a cold rain"], padding=True)
    )


def test_model_that_writes_answers_with_padding_as_alone(tmp_path: Path) -> None:
    artifact = TransformersModelArtifact("model").pack({"model": tiny.writer(), "tokenizer": tiny.tokenizer()})
    loaded = saved_and_loaded(artifact, tmp_path)
    words = ["what a cold", "a warm and sunny"]
    assert written(loaded, words) == ["what a cold rain", "a warm and sunny day"]
    assert [written(loaded, [word])[0] for word in words] == written(loaded, words)


def written(parts: dict[str, Any], texts: list[str]) -> list[str]:
    inputs = parts["tokenizer"](texts, padding=True, padding_side="left", add_special_tokens=False, return_tensors="pt")
    with torch.inference_mode():
        made = parts["model"].generate(
            inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=1, do_sample=False
        )
    return [text.strip() for text in parts["tokenizer"].batch_decode(made, skip_special_tokens=True)]


def test_save_again_leaves_no_files_of_the_model_before(tmp_path: Path) -> None:
    packed().save(str(tmp_path))
    parts = {"model": tiny.image_classifier(), "image_processor": tiny.image_processor()}
    loaded = saved_and_loaded(TransformersModelArtifact("model").pack(parts), tmp_path)
    assert loaded.keys() == parts.keys()
    assert not (tmp_path / "model" / "tokenizer.json").exists()


@pytest.mark.parametrize(("infer", "expected"), [(True, ["transformers"]), (False, [])], ids=["inferred", "declared"])
def test_set_dependencies_adds_transformers_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    TransformersModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected


def test_set_dependencies_of_a_packed_model_adds_what_it_runs_on() -> None:
    env = BentoServiceEnv(infer_pip_packages=True)
    packed().set_dependencies(env)
    assert env._pip_packages == ["transformers", "torch"]


def test_class_of_the_users_own_is_loaded_when_the_service_names_it(tmp_path: Path) -> None:
    class Doubled(transformers.BertForSequenceClassification):  # type: ignore[misc, name-defined]
        def forward(self, *args: Any, **inputs: Any) -> Any:
            output = super().forward(*args, **inputs)
            output.logits = output.logits * 2
            return output

    model = Doubled(tiny.text_classifier().config).eval()
    parts = {"model": model, "tokenizer": tiny.tokenizer()}
    with pytest.raises(InvalidArgument, match=r"custom_classes=\[Doubled\]"):
        TransformersModelArtifact("model").pack(parts)
    artifact = TransformersModelArtifact("model", custom_classes=[Doubled]).pack(parts)
    artifact.save(str(tmp_path))
    loaded = artifact.fresh_copy().load(str(tmp_path)).get()
    assert type(loaded["model"]) is Doubled
    assert probabilities(loaded, "rain") == probabilities(parts, "rain")
    with pytest.raises(ArtifactLoadingException, match="'Doubled' is no PreTrainedModel of transformers"):
        TransformersModelArtifact("model").load(str(tmp_path))


def test_directory_of_the_classic_layout_is_read(tmp_path: Path) -> None:
    directory = tmp_path / "model"
    tiny.text_classifier().save_pretrained(directory)
    tiny.tokenizer().save_pretrained(directory)
    (directory / "model.safetensors").unlink()
    torch.save(tiny.text_classifier().state_dict(), directory / "pytorch_model.bin")
    (directory / "_model_type.txt").write_text("BertForSequenceClassification\n", encoding="utf-8")
    (directory / "tokenizer_type.txt").write_text("PreTrainedTokenizerFast\n", encoding="utf-8")
    artifact = TransformersModelArtifact("model")
    assert artifact.has_pickle_in(str(tmp_path))
    loaded = artifact.load(str(tmp_path))
    assert probabilities(loaded.get(), "rain") == probabilities(packed().get(), "rain")
    loaded.save(str(tmp_path))
    assert not artifact.has_pickle_in(str(tmp_path))
    assert json.loads((directory / "config.json").read_bytes())["model_type"] == "bert"
