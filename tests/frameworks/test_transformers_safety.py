"""Directories that would run code, or give other answers than those of the model that was packed."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import ArtifactLoadingException, MissingDependencyException
from bentoml.frameworks.transformers import TransformersModelArtifact
from bentoml.service.artifacts.pickle_gate import pickles_allowed
from tests.environments.late_import import late_import
from tests.frameworks import tiny_transformers as tiny

pytestmark = pytest.mark.environment("torch")

safetensors = late_import("safetensors.torch")
torch = late_import("torch")
transformers = late_import("transformers")

REMOTE_CODE = """
import pathlib
pathlib.Path({marker!r}).touch()
import transformers
class Evil(transformers.BertForSequenceClassification):
    pass
class EvilConfig(transformers.BertConfig):
    pass
class EvilTokenizer(transformers.PreTrainedTokenizerFast):
    pass
"""


class _Touch:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with a saved artifact; `model` in it is that of transformers."""
    parts = {"model": tiny.text_classifier(), "tokenizer": tiny.tokenizer()}
    TransformersModelArtifact("model").pack(parts).save(str(tmp_path))
    return tmp_path


def change(file: Path, **values: Any) -> None:
    """Set keys of a JSON file; None takes one out."""
    changed = {**json.loads(file.read_bytes()), **values}
    file.write_text(json.dumps({key: value for key, value in changed.items() if value is not None}), encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["os.system", "os", "pipeline", "Popen", "BertConfig", "__builtins__", "../BertModel", "AutoModel", ""]
)
@pytest.mark.parametrize("file", ["_model_type.txt", "tokenizer_type.txt"])
def test_name_of_a_class_that_is_no_model_of_transformers_is_refused(file: str, name: str, home: Path) -> None:
    (home / "model" / file).write_text(name, encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match=f"'{name}' is no PreTrained.* of transformers"):
        TransformersModelArtifact("model").load(str(home))


def test_name_of_a_pipeline_that_is_none_is_refused(home: Path) -> None:
    described = {"class": "BertModel", "task": "text-classification", "settings": {}}
    (home / "model" / "pipeline.json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match="'BertModel' is no Pipeline of transformers"):
        TransformersModelArtifact("model").load(str(home))


@pytest.mark.parametrize("settings", [{"_class": 1}, {"model": 1}, {"forward_params": {"$enum": ["sys", "exit"]}}])
def test_settings_that_are_none_are_refused(settings: dict[str, Any], home: Path) -> None:
    described = {"class": "TextClassificationPipeline", "task": "text-classification", "settings": settings}
    (home / "model" / "pipeline.json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match=r"have no setting|knows no sys\.exit"):
        TransformersModelArtifact("model").load(str(home))


@pytest.mark.parametrize("kept", [True, False], ids=["with types", "from elsewhere"])
def test_code_in_a_directory_does_not_run(kept: bool, home: Path) -> None:
    directory, marker = home / "model", home / "ran"
    (directory / "evil.py").write_text(REMOTE_CODE.format(marker=str(marker)), encoding="utf-8")
    (directory / "custom_generate").mkdir()
    (directory / "custom_generate" / "generate.py").write_text(REMOTE_CODE.format(marker=str(marker)), encoding="utf-8")
    models = {"AutoConfig": "evil.EvilConfig", "AutoModelForSequenceClassification": "evil.Evil"}
    change(directory / "config.json", auto_map=models)
    change(directory / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "evil.EvilTokenizer"]})
    artifact = TransformersModelArtifact("model")
    if kept:
        assert type(artifact.load(str(home)).get()["model"]) is transformers.BertForSequenceClassification
    else:
        (directory / "_model_type.txt").unlink()
        (directory / "tokenizer_type.txt").unlink()
        change(directory / "config.json", architectures=["Evil"])
        with pytest.raises(ArtifactLoadingException, match=r"'Evil' is no PreTrainedModel .*is not run"):
            artifact.pack(directory)
        change(directory / "config.json", architectures=None, model_type="evil")
        with pytest.raises(ArtifactLoadingException, match="trust_remote_code"):
            artifact.pack(directory)
    assert not marker.exists()


def test_tokenizer_with_code_of_its_own_is_refused_from_elsewhere(home: Path) -> None:
    directory, marker = home / "model", home / "ran"
    (directory / "_model_type.txt").unlink()
    (directory / "tokenizer_type.txt").unlink()
    (directory / "evil.py").write_text(REMOTE_CODE.format(marker=str(marker)), encoding="utf-8")
    tokenizer = {"auto_map": {"AutoTokenizer": [None, "evil.EvilTokenizer"]}, "tokenizer_class": "EvilTokenizer"}
    change(directory / "tokenizer_config.json", **tokenizer)
    change(directory / "config.json", model_type="bert")
    try:
        loaded = TransformersModelArtifact("model").pack(directory).get()
    except ArtifactLoadingException:
        pass
    else:
        assert type(loaded["tokenizer"]).__module__.startswith("transformers.")
    assert not marker.exists()


def test_pickled_weights_run_no_code_and_are_refused_where_pickles_are(home: Path) -> None:
    directory, marker = home / "model", home / "ran"
    (directory / "model.safetensors").unlink()
    (directory / "pytorch_model.bin").write_bytes(pickle.dumps({"weights": _Touch(marker)}))
    artifact = TransformersModelArtifact("model")
    assert artifact.has_pickle_in(str(home))
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        artifact.load(str(home))
    assert not marker.exists()
    with pickles_allowed(False), pytest.raises(ArtifactLoadingException, match="pickles are not allowed here"):
        artifact.load(str(home))


@pytest.mark.parametrize(
    ("files", "config", "expected"),
    [
        ({"model.safetensors": ""}, {}, False),
        ({"model.safetensors": "", "pytorch_model.bin": ""}, {}, False),
        ({"pytorch_model.bin": ""}, {}, True),
        ({"model.safetensors.index.json": '{"weight_map": {"a": "b.safetensors"}}'}, {}, False),
        ({"model.safetensors.index.json": '{"weight_map": {"a": "b.bin"}}'}, {}, True),
        ({"pytorch_model.bin.index.json": '{"weight_map": {"a": "b-1.bin"}}'}, {}, True),
        ({"adapter_model.bin": ""}, {"transformers_weights": "adapter_model.bin"}, True),
        ({"own.safetensors": "", "pytorch_model.bin": ""}, {"transformers_weights": "own.safetensors"}, False),
        ({"other.bin": "", "other.safetensors": ""}, {}, False),
        ({"model.safetensors.index.json": "["}, {}, False),
    ],
)
def test_has_pickle_in_looks_at_the_files_that_are_read(
    files: dict[str, str], config: dict[str, str], expected: bool, tmp_path: Path
) -> None:
    directory = tmp_path / "model"
    directory.mkdir()
    for name, text in {**files, "config.json": json.dumps(config)}.items():
        (directory / name).write_text(text, encoding="utf-8")
    assert TransformersModelArtifact("model").has_pickle_in(str(tmp_path)) is expected


def test_adapter_for_a_model_elsewhere_is_refused(home: Path) -> None:
    adapter = {"base_model_name_or_path": "somebody/else", "peft_type": "LORA"}
    (home / "model" / "adapter_config.json").write_text(json.dumps(adapter), encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match=r"describes an adapter .*merge_and_unload\(\)"):
        TransformersModelArtifact("model").load(str(home))


@pytest.mark.parametrize("size", [0, 4, 100, -100], ids=lambda size: f"{size} bytes")
def test_cut_weights_are_refused(size: int, home: Path) -> None:
    file = home / "model" / "model.safetensors"
    os.truncate(file, size % file.stat().st_size)
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        TransformersModelArtifact("model").load(str(home))


def test_weights_of_another_model_are_refused_and_not_made_up(home: Path) -> None:
    file = home / "model" / "model.safetensors"
    weights = safetensors.load_file(file)
    del weights["classifier.bias"]
    safetensors.save_file({name: tensor.clone() for name, tensor in weights.items()}, file, {"format": "pt"})
    with pytest.raises(ArtifactLoadingException, match=r"1 are missing, such as classifier\.bias"):
        TransformersModelArtifact("model").load(str(home))


def test_part_that_needs_a_library_says_which(home: Path) -> None:
    """It is for speech, and torchaudio is not in the environment."""
    (home / "model" / "feature_extractor_type.txt").write_text("MusicgenMelodyFeatureExtractor", encoding="utf-8")
    with pytest.raises(MissingDependencyException, match="needs more than is installed"):
        TransformersModelArtifact("model").load(str(home))
