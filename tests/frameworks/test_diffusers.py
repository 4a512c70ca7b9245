"""The diffusers artifact, on pipelines that are made here from nothing."""

from __future__ import annotations

import copy
import importlib
import io
import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.diffusers import DiffusersModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks import tiny_diffusers as tiny
from tests.frameworks.contract import FrameworkContract, Question
from tests.frameworks.mapped_files import mapped_ranges
from tests.server.live import live_server

pytestmark = pytest.mark.environment("torch")

diffusers = late_import("diffusers")
image = late_import("PIL.Image")
np = late_import("numpy")
torch = late_import("torch")

SERVICE = """
import bentoml
import torch
from bentoml.adapters import JsonInput
from bentoml.frameworks.diffusers import DiffusersModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([DiffusersModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=5000)
    def predict(self, seeds):
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        made = self.artifacts.model(
            batch_size=len(seeds), generator=generators, num_inference_steps=3, output_type="np"
        )
        return made.images.tolist()
"""


class TestPictures(FrameworkContract):
    library: ClassVar[str | None] = "diffusers"
    requirement = "diffusers"
    pinned = ("diffusers", "torch")
    files = frozenset({"model"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "diffusers",
        "class": "diffusers.pipelines.ddpm.pipeline_ddpm.DDPMPipeline",
        "components": {"unet": "UNet2DModel", "scheduler": "DDPMScheduler"},
        "dtype": "float32",
    }

    def new(self, name: str = "model") -> DiffusersModelArtifact:
        return DiffusersModelArtifact(name)

    def good_object(self) -> Any:
        return tiny.pictures()

    def wrong_object(self) -> Any:
        return tiny.pictures().unet

    def outcome(self, obj: Any) -> Any:
        return [tiny.drawn(obj, seed) for seed in (1, 2, 3)]

    def questions(self, obj: Any) -> list[Question]:
        return [Question(str(seed).encode(), tiny.drawn(obj, seed)) for seed in (1, 2, 3)]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Sums of 32-bit floats differ in the last digit with the number of pictures."""
        return bool(torch.allclose(torch.tensor(actual), torch.tensor(expected), atol=1e-3))


PICTURE_SERVICE = """
import bentoml
import torch
from bentoml.adapters import ImageOutput, JsonInput
from bentoml.frameworks.diffusers import DiffusersModelArtifact


@bentoml.artifacts([DiffusersModelArtifact("model")])
class Painter(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), output=ImageOutput(), batch=True, mb_max_latency=60000)
    def paint(self, orders):
        made = self.artifacts.model(
            [order["prompt"] for order in orders],
            generator=[torch.Generator().manual_seed(order["seed"]) for order in orders],
            num_inference_steps=2,
            height=16,
            width=16,
        )
        return made.images
"""


def saved_and_loaded(pipeline: Any, directory: Path) -> Any:
    DiffusersModelArtifact("model").pack(pipeline).save(str(directory))
    return DiffusersModelArtifact("model").load(str(directory)).get()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with a saved artifact; `model` in it is that of diffusers."""
    DiffusersModelArtifact("model").pack(tiny.pictures_of_texts()).save(str(tmp_path))
    return tmp_path


def change(file: Path, **values: Any) -> None:
    """Set keys of a JSON file."""
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **values}), encoding="utf-8")


def test_pipeline_here_has_learnt_something() -> None:
    picture = np.array(tiny.drawn(tiny.pictures(), 1, steps=50))
    assert picture[:, :4].mean() > picture[:, 4:].mean() + 0.2


def test_picture_of_a_seed_is_the_same_whoever_else_asks() -> None:
    alone = np.array(tiny.drawn(tiny.pictures(), 5))
    assert np.allclose(alone, tiny.drawn(tiny.pictures(), 5, 6, 7), atol=1e-3)
    assert not np.allclose(alone, tiny.drawn(tiny.pictures(), 6), atol=1e-1)


def test_pictures_of_texts_are_served_as_png_and_follow_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "painter_service.py").write_text(PICTURE_SERVICE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    pipeline = tiny.pictures_of_texts()
    bundle = importlib.import_module("painter_service").Painter().pack("model", pipeline).save(version="1")
    orders: list[dict[str, Any]] = [{"prompt": text, "seed": seed} for seed, text in enumerate(tiny.TEXTS)] * 2
    with live_server(Path(bundle), home=tmp_path / "home") as server:
        client = server.client

        def ask(order: dict[str, Any]) -> Any:
            answer = client.post("/paint", json=order)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png"), answer.text
            return np.asarray(image.open(io.BytesIO(answer.content)))

        with ThreadPoolExecutor(len(orders)) as pool:
            painted = list(pool.map(ask, orders))
    for order, pixels in zip(orders, painted, strict=True):
        assert pixels.shape == (16, 16, 3)
        assert np.abs(pixels - tiny.painted(pipeline, **order).astype(int)).max() <= 1
    assert np.abs(painted[0].astype(int) - painted[1]).max() > 5


def test_every_component_comes_back_as_it_was(tmp_path: Path) -> None:
    pipeline = tiny.pictures_of_texts()
    loaded = saved_and_loaded(pipeline, tmp_path)
    kinds = {name: type(part) for name, part in pipeline.components.items()}
    assert {name: type(part) for name, part in loaded.components.items()} == kinds
    assert not any(module.training for module in (loaded.unet, loaded.vae, loaded.text_encoder))
    order: dict[str, Any] = {"prompt": tiny.TEXTS[0], "seed": 3}
    assert np.array_equal(tiny.painted(loaded, **order), tiny.painted(pipeline, **order))


def test_weights_that_are_loaded_lie_on_the_file(tmp_path: Path) -> None:
    loaded = saved_and_loaded(tiny.pictures_of_texts(), tmp_path)
    ranges = [area for file in tmp_path.rglob("*.safetensors") for area in mapped_ranges(file)]
    modules = [loaded.unet, loaded.vae, loaded.text_encoder]
    places = [parameter.data_ptr() for module in modules for parameter in module.parameters()]
    assert [place for place in places if not any(low <= place < high for low, high in ranges)] == []


def test_type_of_numbers_of_each_component_is_kept(tmp_path: Path) -> None:
    made = copy.deepcopy(tiny.pictures_of_texts())
    made.unet.half()
    made.text_encoder.to(torch.bfloat16)
    loaded = saved_and_loaded(made, tmp_path)
    kept = (loaded.unet.dtype, loaded.text_encoder.dtype, loaded.vae.dtype)
    assert kept == (torch.float16, torch.bfloat16, torch.float32)


def test_device_that_is_not_there_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:7")
    with pytest.raises(ArtifactLoadingException, match="there is no device 'cuda:7'"):
        DiffusersModelArtifact("model").load(str(home))


def test_pack_of_a_directory_reads_it(home: Path) -> None:
    artifact = DiffusersModelArtifact("model").pack(home / "model")
    order: dict[str, Any] = {"prompt": tiny.TEXTS[0], "seed": 3}
    assert np.array_equal(tiny.painted(artifact.get(), **order), tiny.painted(tiny.pictures_of_texts(), **order))


def test_pack_of_a_name_says_that_the_hub_must_not_be_reached() -> None:
    with pytest.raises(ArtifactLoadingException, match=r"'somebody/paints' .*HF_HUB_OFFLINE is set"):
        DiffusersModelArtifact("model").pack("somebody/paints")


def test_pack_of_a_pipeline_of_the_users_own_needs_its_class(tmp_path: Path) -> None:
    class Gloomy(diffusers.DDPMPipeline):  # type: ignore[misc, name-defined]
        pass

    made = Gloomy(**tiny.pictures().components)
    with pytest.raises(InvalidArgument, match=r"custom_classes=\[Gloomy\]"):
        DiffusersModelArtifact("model").pack(made)
    artifact = DiffusersModelArtifact("model", custom_classes=[Gloomy]).pack(made)
    artifact.save(str(tmp_path))
    assert type(artifact.fresh_copy().load(str(tmp_path)).get()) is Gloomy
    with pytest.raises(ArtifactLoadingException, match="'Gloomy', which is no pipeline of diffusers"):
        DiffusersModelArtifact("model").load(str(tmp_path))


def test_pack_of_a_component_of_the_users_own_is_refused() -> None:
    class Own(diffusers.DDPMScheduler):  # type: ignore[misc, name-defined]
        pass

    made = diffusers.DDPMPipeline(unet=tiny.pictures().unet, scheduler=Own())
    with pytest.raises(InvalidArgument, match="the component 'scheduler' of 'model' is neither from diffusers"):
        DiffusersModelArtifact("model").pack(made)


@pytest.mark.parametrize("name", ["os.system", "UNet2DModel", "_LazyModule", ["evil", "Evil"], None], ids=str)
def test_name_that_is_no_pipeline_is_refused(name: Any, home: Path) -> None:
    change(home / "model" / "model_index.json", _class_name=name)
    with pytest.raises(ArtifactLoadingException, match="which is no pipeline of diffusers"):
        DiffusersModelArtifact("model").load(str(home))


@pytest.mark.parametrize(
    "component", [["os", "system"], ["this", "s"], ["evil", "Evil"], ["transformers", "pipeline"], ["diffusers", "os"]]
)
def test_component_that_is_no_class_of_the_libraries_is_refused(component: list[str], home: Path) -> None:
    marker = home / "ran"
    for name in ("evil", "diffusers", "transformers"):
        (home / "model" / "unet" / f"{name}.py").write_text(f"open({str(marker)!r}, 'w')\nclass Evil: pass\n")
    change(home / "model" / "model_index.json", unet=component)
    with pytest.raises(ArtifactLoadingException, match="for the component 'unet', which is no class of diffusers or"):
        DiffusersModelArtifact("model").load(str(home))
    change(home / "model" / "model_index.json", unet=["diffusers", "UNet2DConditionModel"])
    with pytest.raises(ArtifactLoadingException, match="no other code is run"):  # of that name lies beside the weights
        DiffusersModelArtifact("model").load(str(home))
    assert not marker.exists()


class _Touch:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.mark.parametrize(("component", "stem"), [("unet", "diffusion_pytorch_model"), ("text_encoder", "model")])
@pytest.mark.parametrize("indexed", [True, False])
def test_weights_that_are_pickles_are_refused(component: str, stem: str, indexed: bool, home: Path) -> None:
    directory, marker = home / "model" / component, home / "ran"
    (directory / f"{stem}.safetensors").unlink()
    name = f"{stem.replace('_model', '').replace('model', 'pytorch')}_model.bin"
    (directory / name).write_bytes(pickle.dumps(_Touch(marker)))
    if indexed:
        index = json.dumps({"metadata": {}, "weight_map": {"weight": name}})
        (directory / f"{stem}.safetensors.index.json").write_text(index, encoding="utf-8")
    words = "names weights that are no safetensors" if indexed else "'model' can not be loaded"
    with pytest.raises(ArtifactLoadingException, match=words):
        DiffusersModelArtifact("model").load(str(home))
    assert not marker.exists()


def test_cut_weights_are_refused(home: Path) -> None:
    file = home / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        DiffusersModelArtifact("model").load(str(home))


@pytest.mark.parametrize(("infer", "expected"), [(True, ["diffusers"]), (False, [])], ids=["inferred", "declared"])
def test_set_dependencies_adds_diffusers_only_when_inferring(infer: bool, expected: list[str]) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    DiffusersModelArtifact("model").set_dependencies(env)
    assert env._pip_packages == expected


def test_set_dependencies_of_a_packed_pipeline_adds_what_it_runs_on() -> None:
    env = BentoServiceEnv(infer_pip_packages=True)
    DiffusersModelArtifact("model").pack(tiny.pictures_of_texts()).set_dependencies(env)
    assert env._pip_packages == ["diffusers", "torch", "transformers"]
