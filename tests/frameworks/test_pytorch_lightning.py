"""The artifact of PyTorch Lightning, on a network that its trainer has trained."""

from __future__ import annotations

import functools
import sys
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument, MissingDependencyException
from bentoml.frameworks.pytorch import PytorchLightningModelArtifact, PytorchModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.digits_contract import DigitsContract
from tests.frameworks.digits_network import FEATURES, HIDDEN, PARAMETERS, TARGET, answers, network, trained

pytestmark = [
    pytest.mark.environment("torch"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

torch = late_import("torch")
lightning = late_import("lightning.pytorch")
pytorch_lightning = late_import("pytorch_lightning")

SERVICE = """
import bentoml
import torch
from bentoml.adapters import PytorchTensorInput
from bentoml.frameworks.pytorch import PytorchLightningModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([PytorchLightningModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=PytorchTensorInput(dtype="float32", shape=(None, 64)), batch=True, mb_max_latency=5000)
    def predict(self, batch):
        with torch.inference_mode():
            return self.artifacts.model(batch)
"""


def module_of(library: Any) -> Any:
    """A `LightningModule` of one of the packages that have such a class."""
    import torch  # by its name here, TorchScript finds the type in hints

    class Digits(library.LightningModule):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.network = network(HIDDEN)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return self.network(rows)

        def training_step(self, batch: Any, number: int) -> Any:
            rows, target = batch
            return torch.nn.functional.cross_entropy(self(rows), target)

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.02)

    torch.manual_seed(0)
    return Digits()


@functools.cache
def fitted() -> Any:
    model = module_of(lightning)
    data = torch.utils.data.TensorDataset(torch.tensor(FEATURES), torch.tensor(TARGET))
    loader = torch.utils.data.DataLoader(data, batch_size=300)
    quiet: dict[str, Any] = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about workers and logging
        lightning.Trainer(max_epochs=6, accelerator="cpu", **quiet).fit(model, loader)
    assert (answers(model.eval()).argmax(1) == TARGET).mean() > 0.95
    return model


class TestLightning(DigitsContract):
    __test__ = True
    library: ClassVar[str | None] = "torch"
    requirement = "torch"
    pinned = ("torch", "pytorch-lightning")
    files = frozenset({"model.pt"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "torch",
        "class": "torch.jit._script.RecursiveScriptModule",
        "parameters": PARAMETERS,
        "dtypes": ["float32"],
    }

    def new(self, name: str = "model") -> PytorchLightningModelArtifact:
        return PytorchLightningModelArtifact(name)

    def good_object(self) -> Any:
        return fitted()

    def wrong_object(self) -> Any:
        return trained()


@pytest.mark.parametrize("library", [lightning, pytorch_lightning], ids=["lightning", "pytorch_lightning"])
def test_pack_of_a_module_of_either_package_leaves_it_in_training(library: Any) -> None:
    model = module_of(library).train()
    packed = PytorchLightningModelArtifact("model").pack(model).get()
    assert isinstance(packed, torch.jit.ScriptModule)
    assert not packed.training
    assert model.training
    assert np.array_equal(answers(packed), answers(model.eval()))


@pytest.mark.parametrize("kind", [str, Path])
def test_pack_of_a_path_takes_the_program_in_it(kind: Any, tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(trained(), torch.tensor(FEATURES[:3])), tmp_path / "traced.pt")
    artifact = PytorchLightningModelArtifact("model").pack(kind(tmp_path / "traced.pt"))
    assert np.array_equal(answers(artifact.get()), answers(trained()))
    (tmp_path / "traced.pt").unlink()
    artifact.save(str(tmp_path))
    loaded = PytorchLightningModelArtifact("model").load(str(tmp_path)).get()
    assert np.array_equal(answers(loaded), answers(trained()))


def test_pack_of_a_path_without_torchscript_is_refused(tmp_path: Path) -> None:
    artifact = PytorchLightningModelArtifact("model")
    with pytest.raises(InvalidArgument, match=r"none\.pt is no file of TorchScript"):
        artifact.pack(tmp_path / "none.pt")
    torch.save(trained(), tmp_path / "pickle.pt")
    with pytest.raises(InvalidArgument, match=r"pickle\.pt is no file of TorchScript"):
        artifact.pack(tmp_path / "pickle.pt")


def test_pack_of_what_can_not_be_scripted_says_what_to_do() -> None:
    class Open(lightning.LightningModule):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()

        def forward(self, rows: Any, **options: Any) -> Any:
            return rows

    with pytest.raises(InvalidArgument, match=r"(?s)Open can not be made TorchScript: .*torch\.jit\.trace"):
        PytorchLightningModelArtifact("model").pack(Open())


def test_pack_with_a_lightning_that_makes_no_torchscript_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    model = module_of(lightning)
    monkeypatch.delattr("lightning.pytorch.LightningModule.to_torchscript")
    with pytest.raises(InvalidArgument, match=r"no attribute 'to_torchscript'; .*torch\.jit\.trace"):
        PytorchLightningModelArtifact("model").pack(model)


def test_pack_takes_what_a_module_makes_of_itself() -> None:
    model = module_of(lightning)
    traced = torch.jit.trace(trained(), torch.tensor(FEATURES[:3]))
    object.__setattr__(model, "to_torchscript", lambda: traced)
    assert PytorchLightningModelArtifact("model").pack(model).get() is traced


def test_pack_without_lightning_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytorch_lightning", None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "lightning"] or ["lightning"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "lightning", None)
    with pytest.raises(MissingDependencyException, match="run: pip install pytorch-lightning"):
        PytorchLightningModelArtifact("model").pack(object())


def test_load_of_a_pickle_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    PytorchModelArtifact("model").pack(trained()).save(str(tmp_path))
    artifact = PytorchLightningModelArtifact("model")
    assert artifact.has_pickle_in(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        artifact.load(str(tmp_path))


def test_load_for_a_device_that_is_not_there_says_which_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PytorchLightningModelArtifact("model").pack(fitted()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:63")
    with pytest.raises(ArtifactLoadingException, match=r"there is no device 'cuda:63': PyTorch .* finds cpu"):
        PytorchLightningModelArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize(
    ("infer", "expected"), [(True, ["pytorch-lightning", "torch"]), (False, ["pytorch-lightning"])]
)
def test_set_dependencies_adds_lightning_always(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    PytorchLightningModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected
