"""The EasyOCR artifact, on networks of seeded noise: those that EasyOCR publishes would have to be downloaded.

What is read is noise, too, but the same before and after.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import logging
import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.easyocr import EasyOCRArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question
from tests.frameworks.easyocr_noise import DETECTOR, RECOGNIZER, picture, png, write_networks

pytestmark = [
    pytest.mark.environment("vision"),
    # Of what is new in PyTorch, and EasyOCR does not know yet.
    pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated"),
    pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor"),
    # On a machine without a GPU.
    pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true"),
    # Of the torchvision of this environment; see the table.
    pytest.mark.filterwarnings("ignore:Failed to load image Python extension"),
]

config = late_import("easyocr.config")
craft = late_import("easyocr.craft")
easyocr = late_import("easyocr")
torch = late_import("torch")

WEIGHTS_VARIABLE = "TEST_EASYOCR_WEIGHTS"
TEXTS = ["Hi", "bento", "42"]

SERVICE = """
import hashlib
import os
from pathlib import Path

import bentoml
import easyocr.config
import numpy as np
from bentoml.adapters import ImageInput
from bentoml.frameworks.easyocr import EasyOCRArtifact

# Weights of one's own: EasyOCR takes only files with the digests that it knows.
for model, file in (
    (easyocr.config.detection_models["craft"], "craft_mlt_25k.pth"),
    (easyocr.config.recognition_models["gen2"]["english_g2"], "english_g2.pth"),
):
    model["md5sum"] = hashlib.md5(Path(os.environ["TEST_EASYOCR_WEIGHTS"], file).read_bytes()).hexdigest()


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([EasyOCRArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=ImageInput(), batch=True, mb_max_latency=20000)
    def predict(self, images):
        return [self.artifacts.model.readtext(np.asarray(image), detail=0) for image in images]
"""


@pytest.fixture(scope="module", autouse=True)
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with the files of both networks, as if EasyOCR had published these."""
    directory = tmp_path_factory.mktemp("weights")
    write_networks(directory)
    models = {
        DETECTOR: config.detection_models["craft"],
        RECOGNIZER: config.recognition_models["gen2"]["english_g2"],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WEIGHTS_VARIABLE, str(directory))
        for file, model in models.items():
            patch.setitem(model, "md5sum", hashlib.md5((directory / file).read_bytes()).hexdigest())
        yield directory
    reader.cache_clear()


@functools.cache
def reader(languages: tuple[str, ...] = ("en",), **options: Any) -> Any:
    directory = os.environ[WEIGHTS_VARIABLE]
    places = {"model_storage_directory": directory, "user_network_directory": directory}
    return easyocr.Reader(list(languages), gpu=False, download_enabled=False, verbose=False, **places, **options)


def read(model: Any, text: str) -> Any:
    """Boxes, letters and how sure the reader is of them."""
    found = model.readtext(np.array(picture(text)))
    return [[[list(map(int, corner)) for corner in box], letters, float(sure)] for box, letters, sure in found]


class TestReader(FrameworkContract):
    library: ClassVar[str | None] = "easyocr"
    requirement = "easyocr"
    files = frozenset({"model", "model.json"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "easyocr",
        "class": "easyocr.easyocr.Reader",
        "languages": ["en"],
        "networks": ["craft", "english_g2"],
    }

    def new(self, name: str = "model") -> EasyOCRArtifact:
        return EasyOCRArtifact(name)

    def good_object(self) -> Any:
        return reader()

    def wrong_object(self) -> Any:
        return craft.CRAFT()

    def outcome(self, obj: Any) -> Any:
        return [read(obj, text) for text in TEXTS]

    def questions(self, obj: Any) -> list[Question]:
        return [Question(png(text), [letters for _, letters, _ in read(obj, text)], "image/png") for text in TEXTS]


def saved(directory: Path, model: Any = None, **made_with: Any) -> EasyOCRArtifact:
    artifact = EasyOCRArtifact("model").pack(reader() if model is None else model, **made_with)
    artifact.save(str(directory))
    return artifact


def test_noise_is_read_and_differs_with_the_picture() -> None:
    letters = {json.dumps(read(reader(), text)) for text in TEXTS}
    assert len(letters) == len(TEXTS)
    assert "[]" not in letters


def test_facts_count_the_weights_before_and_after(tmp_path: Path) -> None:
    trained = sum(weights.numel() for weights in craft.CRAFT().parameters())
    trained += sum(weights.numel() for weights in reader(quantize=False).recognizer.parameters())
    facts = saved(tmp_path).facts()
    assert facts["parameters"] == trained
    path = list(sys.path)
    assert EasyOCRArtifact("model").load(str(tmp_path)).facts() == facts
    assert sys.path == path  # EasyOCR itself adds a directory


def test_reader_that_is_not_quantized_stays_so(tmp_path: Path) -> None:
    exact = reader(quantize=False)
    saved(tmp_path, exact)
    loaded = EasyOCRArtifact("model").load(str(tmp_path)).get()
    assert type(loaded.recognizer.Prediction) is torch.nn.Linear
    assert read(loaded, "Hi") == read(exact, "Hi")


def test_load_of_the_classic_layout_gives_same_outcome_and_says_that_it_was_for_a_gpu(
    tmp_path: Path, published: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for file in (DETECTOR, RECOGNIZER):
        shutil.copy(published / file, tmp_path)
    made_with = {"lang_list": ["en"], "recog_network": "english_g2", "gpu": True}
    (tmp_path / "model.json").write_text(json.dumps(made_with), encoding="utf-8")
    with caplog.at_level(logging.WARNING, "bentoml"):
        loaded = EasyOCRArtifact("model").load(str(tmp_path)).get()
    assert "set BENTOML_DEVICE=cuda" in caplog.text
    assert loaded.device == "cpu"
    assert read(loaded, "Hi") == read(reader(), "Hi")


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("file", [DETECTOR, RECOGNIZER])
def test_load_of_a_file_with_code_refuses_it_and_runs_none(tmp_path: Path, file: str) -> None:
    saved(tmp_path)
    mark = tmp_path / "ran"
    torch.save({"module.x": Planted(mark)}, tmp_path / "model" / file)
    with pytest.raises(ArtifactLoadingException, match=f"{file} holds more than weights"):
        EasyOCRArtifact("model").load(str(tmp_path))
    assert not mark.exists()
    torch.load(tmp_path / "model" / file, weights_only=False)
    assert mark.exists()


def test_pack_of_a_reader_whose_file_has_code_refuses_it(tmp_path: Path) -> None:
    model = copy.copy(reader())
    model.model_storage_directory = str(tmp_path)
    for file in (DETECTOR, RECOGNIZER):
        (tmp_path / file).write_bytes(pickle.dumps(Planted(tmp_path / "ran"), protocol=2))
    with pytest.raises(InvalidArgument, match=f"{DETECTOR} holds more than weights"):
        EasyOCRArtifact("model").pack(model)


def test_load_of_other_weights_than_easyocr_knows_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path)
    monkeypatch.setitem(config.detection_models["craft"], "md5sum", "0" * 32)
    with pytest.raises(ArtifactLoadingException, match=r"EasyOCR refuses its files: MD5 .*'md5sum' in easyocr\.config"):
        EasyOCRArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize("file", [f"model/{DETECTOR}", f"model/{RECOGNIZER}", "model.json"])
def test_load_without_a_file_names_it(tmp_path: Path, file: str) -> None:
    saved(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ArtifactLoadingException, match=rf"'model' can not be loaded .*{file} is missing"):
        EasyOCRArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize("size", [0, 100_000])
def test_load_of_a_cut_file_names_the_artifact(tmp_path: Path, size: int) -> None:
    saved(tmp_path)
    os.truncate(tmp_path / "model" / DETECTOR, size)
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        EasyOCRArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize("described", [{}, {"lang_list": ["en"], "gpu": False, "recog_network": "os"}])
def test_load_of_a_description_of_no_reader_says_so(tmp_path: Path, described: dict[str, Any]) -> None:
    saved(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match=r"model\.json describes no reader"):
        EasyOCRArtifact("model").load(str(tmp_path))


def test_load_onto_a_device_that_is_not_there_says_which_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path)
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:123")
    with pytest.raises(ArtifactLoadingException, match=r"there is no device 'cuda:123'.*finds cpu"):
        EasyOCRArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize(
    ("languages", "options", "made_with", "words"),
    [
        (("fr",), {"recognizer": False}, {}, r"recog_network='english_g2': it knows the characters of latin_g2"),
        (("en",), {}, {"recog_network": "os"}, r"recog_network='os': it knows the characters of english_g2"),
        (("en",), {}, {"lang_list": ["de"]}, r"was not made with lang_list=\['de'\]"),
        (("en",), {}, {"lang_list": ["klingon"]}, r"lang_list=\['klingon'\] is not known to EasyOCR"),
        (("en",), {}, {"detect_model": "dbnet"}, r"takes a reader with the detector craft, which is in craft_mlt_25k"),
        (("en",), {"detector": False}, {}, r"takes a reader with the detector craft"),
    ],
    ids=["network", "unknown network", "language", "unknown language", "detector", "no detector"],
)
def test_pack_of_a_reader_that_was_made_otherwise_says_how(
    languages: tuple[str, ...], options: dict[str, bool], made_with: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words):
        EasyOCRArtifact("model").pack(reader(languages, **options), **made_with)


@pytest.mark.parametrize(("infer", "expected"), [(True, ["easyocr"]), (False, [])], ids=["inferred", "declared"])
def test_set_dependencies_adds_easyocr_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    EasyOCRArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected
