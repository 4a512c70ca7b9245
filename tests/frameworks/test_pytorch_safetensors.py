"""Modules of PyTorch as weights and an architecture: what comes back, and what is refused."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.pytorch import PytorchModelArtifact
from tests.environments.late_import import late_import
from tests.frameworks.digits_network import FEATURES, HIDDEN, answers, network, trained

pytestmark = [
    pytest.mark.environment("torch"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

torch = late_import("torch")


def safe(architecture: Any = lambda: network(HIDDEN)) -> PytorchModelArtifact:
    return PytorchModelArtifact("model", format="safetensors", architecture=architecture)


@functools.cache
def tied_class() -> Any:
    class Tied(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Shares weights between two layers, has buffers of both kinds, and refers to a weight twice."""

        def __init__(self, width: int = 4, scale: float = 1.0, ties: bool = True) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(width, width)
            self.outer = torch.nn.Linear(width, width, bias=False)
            if ties:
                self.outer.weight = self.inner.weight
            self.known = [self.inner.bias]
            self.register_buffer("seen", torch.zeros(2, dtype=torch.int64))
            self.register_buffer("scale", torch.full((width,), scale), persistent=False)

        def forward(self, rows: Any) -> Any:
            return self.outer(self.inner(rows)) * self.scale + self.known[0]

    return Tied


def tied() -> Any:
    return tied_class()()


def test_weights_that_are_shared_are_kept_once_and_shared_again(tmp_path: Path) -> None:
    model = tied_class()(8, 2.0)
    model.seen += 3
    artifact = safe(tied_class()).pack(model, arguments={"width": 8, "scale": 2.0})
    artifact.save(str(tmp_path))
    described = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert described["arguments"] == {"width": 8, "scale": 2.0}
    assert described["same"] == {"outer.weight": "inner.weight"}
    again = safe(tied_class()).load(str(tmp_path))
    loaded = again.get()
    assert loaded.outer.weight is loaded.inner.weight
    assert loaded.known[0] is loaded.inner.bias
    assert loaded.seen.tolist() == [3, 3]
    assert np.array_equal(answers(loaded, FEATURES[:5, :8]), answers(model, FEATURES[:5, :8]))
    assert again.facts()["parameters"] == artifact.facts()["parameters"] == 8 * 8 + 8
    again.save(str(tmp_path))
    assert json.loads((tmp_path / "model.json").read_text(encoding="utf-8")) == described


def test_weights_that_were_tied_later_are_kept_once(tmp_path: Path) -> None:
    model = tied_class()(ties=False)
    model.outer.weight = model.inner.weight
    safe(tied_class()).pack(model, arguments={"ties": False}).save(str(tmp_path))
    loaded = safe(tied_class()).load(str(tmp_path)).get()
    assert loaded.outer.weight.data_ptr() == loaded.inner.weight.data_ptr()
    assert np.array_equal(answers(loaded, FEATURES[:5, :4]), answers(model, FEATURES[:5, :4]))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_weights_keep_their_type(dtype: str, tmp_path: Path) -> None:
    artifact = safe().pack(trained().to(getattr(torch, dtype)))
    artifact.save(str(tmp_path))
    loaded = safe().load(str(tmp_path))
    assert loaded.facts()["dtypes"] == [dtype]
    assert loaded.get()[1].num_batches_tracked.dtype is torch.int64
    for name, tensor in artifact.get().state_dict().items():
        assert torch.equal(loaded.get().state_dict()[name], tensor)


def test_weights_that_are_parts_of_one_array_are_kept(tmp_path: Path) -> None:
    model = trained()
    whole = torch.arange(20, dtype=torch.float32)
    model[4].bias.data, model[1].bias.data = whole[:10], whole[::2][:10].repeat(3)[:HIDDEN]
    model[1].running_mean.data = whole[:1].expand(HIDDEN)
    safe().pack(model).save(str(tmp_path))
    assert np.allclose(answers(safe().load(str(tmp_path)).get()), answers(model), atol=1e-4)


@functools.cache
def state_class() -> Any:
    class Counting(torch.nn.Linear):  # type: ignore[misc, name-defined]
        def get_extra_state(self) -> Any:
            return {"calls": 3}

        def set_extra_state(self, state: Any) -> None:
            self.calls = state["calls"]

    return Counting


def with_state() -> Any:
    return state_class()(2, 2)


def with_other_buffer() -> Any:
    model = tied_class()()
    model.scale *= 3
    return model


@pytest.mark.parametrize(
    ("packed", "architecture", "arguments", "words"),
    [
        (lambda: network(3), lambda: network(4), {}, r"0\.weight has the shape \(3, 64\) and not \(4, 64\)"),
        (lambda: network(3), lambda: network(3)[:-1], {}, r"there is no 4\.bias"),
        (lambda: network(3)[:-1], lambda: network(3), {}, r"4\.bias is missing"),
        (lambda: network(3), lambda: torch.nn.Linear(1, 1), {}, "it makes .*Linear"),
        (lambda: network(3), network, {"width": 3}, "unexpected keyword argument 'width'"),
        (lambda: network(3), network, {"hidden": {1, 2}}, "not JSON serializable"),
        (lambda: network(3), network, {"hidden": float("nan")}, "not JSON compliant"),
        (with_other_buffer, tied, {}, "not persistent, .* differ: scale"),
        (lambda: tied().half(), tied, {}, "not persistent, .* differ: scale"),
        (with_state, with_state, {}, "more than parameters and buffers: _extra_state"),
        (lambda: torch.nn.LazyLinear(2), lambda: torch.nn.LazyLinear(2), {}, "not tensors of plain numbers in memory"),
        (lambda: network(3).to("meta"), lambda: network(3), {}, "not tensors of plain numbers in memory"),
    ],
    ids=[
        "width", "layer too many", "layer missing", "class", "argument", "no JSON", "nan", "buffer", "half", "state",
        "lazy", "meta",
    ],
)  # fmt: skip
def test_pack_of_what_would_not_come_back_is_refused(
    packed: Any, architecture: Any, arguments: dict[str, Any], words: str
) -> None:
    artifact = safe(architecture)
    with pytest.raises(InvalidArgument, match=words):
        artifact.pack(packed(), arguments=arguments)
    assert not artifact.is_ready


def test_pack_of_torchscript_for_safetensors_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"takes a torch\.nn\.Module, got .*ScriptModule"):
        safe().pack(torch.jit.script(trained()))


def test_parametrized_modules_come_back(tmp_path: Path) -> None:
    def normed() -> Any:
        return torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(64, 3))

    model = normed()
    safe(normed).pack(model).save(str(tmp_path))
    assert np.array_equal(answers(safe(normed).load(str(tmp_path)).get()), answers(model))


def test_load_gives_no_first_values_to_weights_and_leaves_the_generator_alone(tmp_path: Path) -> None:
    safe().pack(trained()).save(str(tmp_path))
    seen = []

    def watched() -> Any:
        made = network(HIDDEN)
        seen.append(torch.get_rng_state())
        return made

    before = torch.get_rng_state()
    loaded = safe(watched).load(str(tmp_path)).get()
    assert torch.equal(seen[0], before)
    assert np.array_equal(answers(loaded), answers(trained()))


def test_load_with_another_architecture_names_the_weights(tmp_path: Path) -> None:
    safe().pack(trained()).save(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match=r"0\.weight has the shape \(24, 64\) and not \(5, 64\)"):
        safe(lambda: network(5)).load(str(tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        {"same": {"0.bias": "0.weights"}},
        {"same": 3},
        {"arguments": [1]},
        {"arguments": {"command": "ls"}},
    ],
    ids=["no such weight", "same", "arguments", "unknown argument"],
)
def test_load_of_a_changed_description_names_the_artifact(change: dict[str, Any], tmp_path: Path) -> None:
    safe(network).pack(trained(), arguments={"hidden": HIDDEN}).save(str(tmp_path))
    file = tmp_path / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        safe(network).load(str(tmp_path))


def test_class_in_the_description_is_never_made(tmp_path: Path) -> None:
    safe().pack(trained()).save(str(tmp_path))
    file = tmp_path / "model.json"
    changed = json.loads(file.read_text(encoding="utf-8")) | {"class": "antigravity.Flight"}
    file.write_text(json.dumps(changed), encoding="utf-8")
    assert type(safe().load(str(tmp_path)).get()) is torch.nn.Sequential
