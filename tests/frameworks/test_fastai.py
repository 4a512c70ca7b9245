"""The fastai artifact, on learners that are trained here."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.fastai import FastaiModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.environment("vision"),
    # Of what is new in PyTorch and pandas, and fastai does not know yet.
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated"),
    pytest.mark.filterwarnings("ignore:The 'mode.chained_assignment' option is deprecated"),
    pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning"),
]

datasets = late_import("sklearn.datasets")
fastai = late_import("fastai.basics")
tabular = late_import("fastai.tabular.all")
torch = late_import("torch")

SERVICE = """
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.fastai import FastaiModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([FastaiModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency=20000)
    def predict(self, df):
        learner = self.artifacts.model
        probabilities, _ = learner.get_preds(dl=learner.dls.test_dl(df))
        return probabilities.tolist()
"""


def wines() -> Any:
    """Measured wines, with a column of words and one with a gap."""
    frame = datasets.load_wine(as_frame=True).frame
    frame["target"] = frame["target"].map({0: "Barolo", 1: "Grignolino", 2: "Barbera"})
    frame["strength"] = (frame["alcohol"] > 13).map({True: "strong", False: "light"})
    frame.loc[7, "hue"] = None
    return frame[["strength", "alcohol", "hue", "proline", "target"]]


def trained() -> Any:
    """Tells three wines apart."""
    torch.manual_seed(0)
    data = tabular.TabularDataLoaders.from_df(
        wines(),
        procs=[tabular.Categorify, tabular.FillMissing, tabular.Normalize],
        cat_names=["strength"],
        cont_names=["alcohol", "hue", "proline"],
        y_names="target",
        bs=64,
        seed=0,
    )
    learner = tabular.tabular_learner(data, layers=[8], metrics=tabular.accuracy)
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(3, 1e-2)
    return learner


def probabilities(learner: Any, rows: Any) -> Any:
    with learner.no_bar():
        return learner.get_preds(dl=learner.dls.test_dl(rows))[0].tolist()


class TestTabular(FrameworkContract):
    library: ClassVar[str | None] = "fastai"
    requirement = "fastai"
    pinned = ("torch", "fastcore", "fastai")
    files = frozenset({"model.pkl"})
    service = SERVICE
    pickles = True
    facts: ClassVar[dict[str, Any]] = {
        "framework": "fastai",
        "class": "fastai.tabular.learner.TabularLearner",
        "feature_names": ["strength", "alcohol", "hue", "proline"],
    }

    def new(self, name: str = "model") -> FastaiModelArtifact:
        return FastaiModelArtifact(name)

    def good_object(self) -> Any:
        return trained()

    def wrong_object(self) -> Any:
        return torch.nn.Linear(2, 1)

    def outcome(self, obj: Any) -> Any:
        return probabilities(obj, wines().drop(columns="target"))

    def questions(self, obj: Any) -> list[Question]:
        frame = wines().drop(columns="target")
        asked = [frame.iloc[rows].reset_index(drop=True) for rows in ([0], [7, 60], [100, 150, 177])]
        return [Question(rows.to_json(orient="records").encode(), probabilities(obj, rows)) for rows in asked]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Sums of 32-bit floats differ in the last digit with the number of rows."""
        rows = zip(actual, expected, strict=True)
        return all(one == pytest.approx(other, abs=1e-6) for one, other in rows)


def in_memory(learner: Any, directory: Path) -> Any:
    """What is loaded again of a learner."""
    FastaiModelArtifact("model").pack(learner).save(str(directory))
    return FastaiModelArtifact("model").load(str(directory)).get()


def test_learner_goes_on_training_after_save(tmp_path: Path) -> None:
    learner = trained()
    data, optimizer = learner.dls, learner.opt
    FastaiModelArtifact("model").pack(learner).save(str(tmp_path))
    assert learner.dls is data
    assert learner.opt is optimizer
    before = learner.model.layers[0][0].weight.clone()
    with learner.no_bar(), learner.no_logging():
        learner.fit(1)
    assert not torch.equal(learner.model.layers[0][0].weight, before)


def test_loaded_learner_is_in_inference_mode_on_the_chosen_device(tmp_path: Path) -> None:
    learner = trained()
    learner.model.train()
    loaded = in_memory(learner, tmp_path)
    assert not loaded.model.training
    assert (loaded.dls.device, next(loaded.model.parameters()).device) == (torch.device("cpu"), torch.device("cpu"))


def test_loaded_learner_writes_nothing_when_it_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learner = trained()
    rows = wines()[:3]
    learner.get_preds(dl=learner.dls.test_dl(rows))
    assert capsys.readouterr().out != ""
    loaded = in_memory(learner, tmp_path)
    loaded.get_preds(dl=loaded.dls.test_dl(rows))
    assert capsys.readouterr() == ("", "")


def test_rows_one_by_one_give_what_they_give_together(tmp_path: Path) -> None:
    loaded = in_memory(trained(), tmp_path)
    rows = wines()[:5]
    together = probabilities(loaded, rows)
    for number in range(5):
        (alone,) = probabilities(loaded, rows.iloc[[number]].reset_index(drop=True))
        assert alone == pytest.approx(together[number], abs=1e-6)


def test_load_onto_a_device_that_is_not_there_says_which_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FastaiModelArtifact("model").pack(trained()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:123")
    with pytest.raises(ArtifactLoadingException, match=r"there is no device 'cuda:123'.*finds cpu"):
        FastaiModelArtifact("model").load(str(tmp_path))


def test_save_of_what_can_not_be_pickled_says_so_and_leaves_the_learner_whole(tmp_path: Path) -> None:
    learner = trained()
    data, optimizer = learner.dls, learner.opt
    locked = fastai.Callback()
    locked.lock = threading.Lock()
    learner.add_cb(locked)
    with pytest.raises(InvalidArgument, match=r"the Learner in artifact 'model': .*lock.*learn\.remove_cb"):
        FastaiModelArtifact("model").pack(learner).save(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert (learner.dls, learner.opt) == (data, optimizer)


def test_save_keeps_functions_that_no_module_has(tmp_path: Path) -> None:
    learner = trained()
    learner.metrics = [lambda guess, truth: (guess - truth).abs().max()]
    assert len(in_memory(learner, tmp_path).metrics) == 1


def test_pack_of_a_module_says_where_it_belongs() -> None:
    with pytest.raises(InvalidArgument, match="belongs into a PytorchModelArtifact"):
        FastaiModelArtifact("model").pack(torch.nn.Linear(2, 1))


def learner_of(data: Any) -> Any:
    return fastai.Learner(data, torch.nn.Linear(3, 3), loss_func=torch.nn.functional.mse_loss)


def test_learner_of_other_data_has_no_columns_and_gives_the_same_again(tmp_path: Path) -> None:
    points = list(torch.rand(8, 3))
    learner = learner_of(fastai.Datasets(points, [[fastai.noop], [fastai.noop]]).dataloaders(bs=4))
    artifact = FastaiModelArtifact("model").pack(learner)
    assert "feature_names" not in artifact.facts()
    assert artifact.facts()["parameters"] == 12
    loaded = in_memory(learner, tmp_path)
    answered = loaded.get_preds(dl=loaded.dls.test_dl(points[:2]))[0]
    assert torch.equal(answered, learner.model(torch.stack(points[:2])))


def test_save_of_a_learner_that_fastai_can_not_export_says_how_its_data_are_made(tmp_path: Path) -> None:
    points = [(torch.ones(3), torch.ones(3))] * 8
    learner = learner_of(fastai.DataLoaders.from_dsets(points, points, bs=4))
    with pytest.raises(InvalidArgument, match="make its data by a DataBlock"):
        FastaiModelArtifact("model").pack(learner).save(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more"], ids=["empty", "cut"])
def test_load_of_a_damaged_file_names_the_artifact(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pkl").write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        FastaiModelArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize(
    ("infer", "expected"), [(True, ["torch", "fastcore", "fastai"]), (False, [])], ids=["inferred", "declared"]
)
def test_set_dependencies_adds_fastai_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    FastaiModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected
