"""The artifact of PyTorch in each of its formats, on a network that was really trained."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any, ClassVar

import cloudpickle
import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.pytorch import PytorchModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.digits_contract import DigitsContract
from tests.frameworks.digits_network import FEATURES, HIDDEN, PARAMETERS, answers, exported, network, trained

pytestmark = [
    pytest.mark.environment("torch"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

torch = late_import("torch")

SERVICE = """
import bentoml
import torch
from bentoml.adapters import PytorchTensorInput
from bentoml.frameworks.pytorch import PytorchModelArtifact


def network(hidden):
    return torch.nn.Sequential(
        torch.nn.Linear(64, hidden),
        torch.nn.BatchNorm1d(hidden),
        torch.nn.ReLU(),
        torch.nn.Dropout(),
        torch.nn.Linear(hidden, 10),
    )


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([PytorchModelArtifact("model"ARGUMENTS)])
class Served(bentoml.BentoService):
    @bentoml.api(input=PytorchTensorInput(dtype="float32", shape=(None, 64)), batch=True, mb_max_latency=5000)
    def predict(self, batch):
        with torch.inference_mode():
            return self.artifacts.model(batch)
"""


def safe(architecture: Any = lambda: network(HIDDEN)) -> PytorchModelArtifact:
    return PytorchModelArtifact("model", format="safetensors", architecture=architecture)


class TorchContract(DigitsContract):
    """What the formats have in common."""

    __test__ = False
    library: ClassVar[str | None] = "torch"
    requirement = "torch"
    files = frozenset({"model.pt"})

    def new(self, name: str = "model") -> PytorchModelArtifact:
        return PytorchModelArtifact(name)

    def good_object(self) -> Any:
        return trained()

    def wrong_object(self) -> Any:
        return trained().state_dict()


class TestModule(TorchContract):
    __test__ = True
    service = SERVICE.replace("ARGUMENTS", "")
    pickles = True
    facts: ClassVar[dict[str, Any]] = {
        "framework": "torch",
        "class": "torch.nn.modules.container.Sequential",
        "parameters": PARAMETERS,
        "dtypes": ["float32"],
    }


class TestTorchScript(TorchContract):
    __test__ = True
    service = SERVICE.replace("ARGUMENTS", "")
    facts: ClassVar[dict[str, Any]] = {
        "framework": "torch",
        "class": "torch.jit._script.RecursiveScriptModule",
        "parameters": PARAMETERS,
    }

    def good_object(self) -> Any:
        return torch.jit.script(trained())


class TestSafetensors(TorchContract):
    __test__ = True
    service = SERVICE.replace("ARGUMENTS", ', format="safetensors", architecture=lambda: network(24)')
    files = frozenset({"model.safetensors", "model.json"})
    pinned = ("torch", "safetensors")
    facts: ClassVar[dict[str, Any]] = TestModule.facts

    def new(self, name: str = "model") -> PytorchModelArtifact:
        return PytorchModelArtifact(name, format="safetensors", architecture=lambda: network(HIDDEN))


class TestExportedProgram(TorchContract):
    __test__ = True
    service = SERVICE.replace("ARGUMENTS", ', format="export"')
    files = frozenset({"model.pt2"})
    pickles = True
    facts: ClassVar[dict[str, Any]] = {
        "framework": "torch",
        "class": "torch.export.exported_program.ExportedProgram",
        "input_signature": [{"name": "input", "dtype": "float32", "shape": [None, 64]}],
        "parameters": PARAMETERS,
    }

    def new(self, name: str = "model") -> PytorchModelArtifact:
        return PytorchModelArtifact(name, format="export")

    def good_object(self) -> Any:
        return exported()

    def wrong_object(self) -> Any:
        return trained()


def new(kind: str) -> PytorchModelArtifact:
    return safe() if kind == "safetensors" else PytorchModelArtifact("model")


def an_object(kind: str) -> Any:
    made: dict[str, Any] = {"script": lambda: torch.jit.script(trained()), "program": exported}
    return made.get(kind, trained)()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "onnx"}, "format must be 'safetensors', 'export' or None, not 'onnx'"),
        ({"format": "safetensors"}, "belong together"),
        ({"architecture": dict}, "belong together"),
        ({"file_extension": ".pt2"}, "is that of exported programs"),
    ],
    ids=["unknown", "no architecture", "no format", "extension"],
)
def test_options_that_do_not_fit_say_why(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        PytorchModelArtifact("model", **options)


@pytest.mark.parametrize("kind", ["module", "script", "safetensors"])
def test_load_of_a_model_in_training_is_for_inference(kind: str, tmp_path: Path) -> None:
    model = trained().train()
    new(kind).pack(torch.jit.script(model) if kind == "script" else model).save(str(tmp_path))
    loaded = new(kind).load(str(tmp_path)).get()
    assert not loaded.training
    assert np.array_equal(answers(loaded), answers(trained()))
    assert model.training


def save_as_before_zip(model: Any, file: Any) -> None:
    torch.save(model, file, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("write", [cloudpickle.dump, save_as_before_zip], ids=["cloudpickle", "torch before 1.6"])
def test_load_of_files_of_older_versions_gives_same_answers(write: Any, tmp_path: Path) -> None:
    with (tmp_path / "model.pth").open("wb") as file:
        write(trained(), file)
    artifact = PytorchModelArtifact("model", ".pth")
    assert artifact.has_pickle_in(str(tmp_path))
    assert np.array_equal(answers(artifact.load(str(tmp_path)).get()), answers(trained()))


def test_load_of_weights_alone_says_what_the_file_holds(tmp_path: Path) -> None:
    torch.save(trained().state_dict(), tmp_path / "model.pt")
    with pytest.raises(ArtifactLoadingException, match=r"OrderedDict'> and no torch\.nn\.Module"):
        PytorchModelArtifact("model").load(str(tmp_path))


def test_pack_of_what_can_not_be_pickled_is_refused_when_saved(tmp_path: Path) -> None:
    model = trained()
    model.handle = (tmp_path / "open").open("w", encoding="utf-8")
    with pytest.raises(InvalidArgument, match="can not be written"):
        PytorchModelArtifact("model").pack(model).save(str(tmp_path))
    model.handle.close()
    assert [path.name for path in tmp_path.iterdir()] == ["open"]


def test_module_of_a_class_of_a_script_is_in_the_file(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "torch": torch}
    exec("class Doubled(torch.nn.Module):\n    def forward(self, rows):\n        return rows * 2", namespace)
    PytorchModelArtifact("model").pack(namespace["Doubled"]()).save(str(tmp_path))
    loaded = PytorchModelArtifact("model").load(str(tmp_path)).get()
    assert np.array_equal(answers(loaded), FEATURES * 2)


def test_save_of_another_kind_leaves_no_file_of_the_one_before(tmp_path: Path) -> None:
    for packed, name in ((trained(), "model.pt"), (exported(), "model.pt2"), (trained(), "model.pt")):
        PytorchModelArtifact("model").pack(packed).save(str(tmp_path))
        assert [path.name for path in tmp_path.iterdir()] == [name]
        loaded = PytorchModelArtifact("model").load(str(tmp_path))
        assert loaded.facts()["class"] == PytorchModelArtifact("model").pack(packed).facts()["class"]


def test_pack_for_export_of_a_module_says_what_makes_a_program() -> None:
    with pytest.raises(InvalidArgument, match=r"torch\.export\.export makes of a module"):
        PytorchModelArtifact("model", format="export").pack(trained())


def test_arguments_without_an_architecture_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="need format='safetensors'"):
        PytorchModelArtifact("model").pack(trained(), arguments={"hidden": 3})


def test_exported_program_takes_any_number_of_rows(tmp_path: Path) -> None:
    PytorchModelArtifact("model").pack(exported()).save(str(tmp_path))
    loaded = PytorchModelArtifact("model").load(str(tmp_path)).get()
    for rows in (1, 7, 200):
        assert np.allclose(answers(loaded, FEATURES[:rows]), answers(trained(), FEATURES[:rows]), atol=1e-5)


@pytest.mark.parametrize("kind", ["module", "script", "safetensors", "program"])
def test_load_of_a_cut_file_names_the_artifact(kind: str, tmp_path: Path) -> None:
    new(kind).pack(an_object(kind)).save(str(tmp_path))
    (file,) = (path for path in tmp_path.iterdir() if path.suffix != ".json")
    content = file.read_bytes()
    for size in (0, 100, len(content) - 2000):
        file.write_bytes(content[:size])
        with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
            new(kind).load(str(tmp_path))


@pytest.mark.parametrize("kind", ["module", "safetensors"])
def test_weights_stay_pages_of_the_file(kind: str, tmp_path: Path) -> None:
    wide = torch.nn.Sequential(torch.nn.Linear(64, 20_000), torch.nn.Linear(20_000, 2)).eval()
    make: dict[str, Any] = (
        {"architecture": lambda: copy.deepcopy(wide), "format": "safetensors"} if kind == "safetensors" else {}
    )
    PytorchModelArtifact("model", **make).pack(wide).save(str(tmp_path))
    loaded = PytorchModelArtifact("model", **make).load(str(tmp_path)).get()
    assert np.array_equal(answers(loaded), answers(wide))
    (file,) = (path for path in tmp_path.iterdir() if path.suffix != ".json")
    maps = re.split(
        r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    mapped = [entry for entry in maps if str(file) in entry.partition("\n")[0]]
    sizes = {
        name: sum(int(size) for entry in mapped for size in re.findall(rf"^{name}: +(\d+) kB", entry, re.MULTILINE))
        for name in ("Rss", "Private_Dirty", "Anonymous")
    }
    assert sizes["Rss"] * 1024 > 0.9 * 20_000 * (64 + 1 + 2) * 4
    assert sizes["Private_Dirty"] == sizes["Anonymous"] == 0


@pytest.mark.parametrize("kind", ["module", "script", "safetensors", "program"])
def test_load_for_a_device_that_is_not_there_says_which_are(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new(kind).pack(an_object(kind)).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:63")
    with pytest.raises(ArtifactLoadingException, match=r"there is no device 'cuda:63': PyTorch .* finds cpu"):
        new(kind).load(str(tmp_path))


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, ["torch"]), ({"format": "safetensors", "architecture": dict}, ["torch", "safetensors"])],
    ids=["pickle", "safetensors"],
)
@pytest.mark.parametrize("infer", [True, False], ids=["inferred", "declared"])
def test_set_dependencies_adds_packages_only_when_inferring(
    options: dict[str, Any], expected: list[str], infer: bool
) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    PytorchModelArtifact("model", **options).set_dependencies(env)
    assert env._pip_packages == expected * infer
