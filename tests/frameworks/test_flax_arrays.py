"""What the Flax artifact keeps exactly, what it refuses, and where it puts what it loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.flax import FlaxModelArtifact
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.flax_training import IMAGES, STEPS, linen_artifact, nnx_artifact, trained_linen, trained_nnx

pytestmark = pytest.mark.environment("jax")

jax = late_import("jax")
linen = late_import("flax.linen")
nnx = late_import("flax.nnx")
safetensors = late_import("safetensors")
nets = late_import("tests.frameworks.flax_nets")


def leaves(model: Any) -> dict[str, Any]:
    """Every array of a model: type, shape, bytes."""
    tree = jax.tree_util.tree_leaves_with_path(model)
    return {
        jax.tree_util.keystr(path): (str(leaf.dtype), leaf.shape, np.asarray(leaf).tobytes()) for path, leaf in tree
    }


def test_load_gives_every_array_of_linen_as_it_was(tmp_path: Path) -> None:
    module, variables = trained_linen()
    variables = {
        **variables,
        "params": jax.tree.map(lambda array: array.astype("bfloat16"), variables["params"]),
        "odd": {
            "a.b%2E": {"": jax.numpy.arange(5, dtype="uint8")},
            "empty": jax.numpy.zeros((0, 3)),
            "key": jax.random.key(7),
        },
    }
    linen_artifact().pack((module, variables)).save(str(tmp_path))
    loaded = linen_artifact().load(str(tmp_path))
    kept = loaded.get().variables
    assert kept["odd"]["key"] == jax.random.key(7)
    assert kept["odd"]["a.b%2E"][""].tolist() == [0, 1, 2, 3, 4]
    assert kept["counters"]["step"] == STEPS
    del kept["odd"]["key"], variables["odd"]["key"]
    assert leaves(kept) == leaves(variables)
    assert loaded.facts()["dtype"] == "bfloat16"


def test_load_gives_every_array_of_nnx_as_it_was(tmp_path: Path) -> None:
    nnx_artifact().pack(trained_nnx()).save(str(tmp_path))
    model = nnx_artifact().load(str(tmp_path)).get()
    random = nnx.Any(nnx.RngKey, nnx.RngCount)
    for kind in (random, nnx.Not(random)):
        states = [jax.tree.map(plain_key, nnx.state(each, kind)) for each in (model, trained_nnx())]
        assert leaves(states[0]) == leaves(states[1])
    assert model.norm.use_running_average
    assert model.dropout.deterministic


def plain_key(array: Any) -> Any:
    return jax.random.key_data(array) if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key) else array


def test_file_is_one_that_safetensors_reads(tmp_path: Path) -> None:
    module, variables = trained_linen()
    linen_artifact().pack((module, variables)).save(str(tmp_path))
    with safetensors.safe_open(tmp_path / "model.safetensors", framework="np") as file:
        kernel = file.get_tensor("params.Dense_0.kernel")
        assert file.metadata()["kind"] == "linen"
    assert np.array_equal(kernel, variables["params"]["Dense_0"]["kernel"])


def test_large_arrays_are_the_mapped_file_itself(tmp_path: Path) -> None:
    linen_artifact().pack(trained_linen()).save(str(tmp_path))
    kernel = linen_artifact().load(str(tmp_path)).get().variables["params"]["Dense_0"]["kernel"]
    address = kernel.unsafe_buffer_pointer()
    areas = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in line]
    limits = [[int(number, 16) for number in area.split()[0].split("-")] for area in areas]
    assert any(first <= address < last for first, last in limits)


def test_pack_keeps_a_bound_module_of_linen(tmp_path: Path) -> None:
    module, variables = trained_linen()
    linen_artifact().pack(module.bind(variables)).save(str(tmp_path))
    assert leaves(linen_artifact().load(str(tmp_path)).get().variables) == leaves(variables)


def test_pack_takes_parameters_out_of_their_boxes(tmp_path: Path) -> None:
    initial = linen.with_partitioning(linen.initializers.ones, ("in", "out"))
    module = linen.Dense(3, kernel_init=initial)
    variables = module.init(jax.random.key(0), IMAGES[:1])
    FlaxModelArtifact("model", linen.Dense, {"features": 3}).pack((module, variables)).save(str(tmp_path))
    loaded = FlaxModelArtifact("model", linen.Dense, {"features": 3}).load(str(tmp_path)).get()
    assert loaded.variables["params"]["kernel"].tolist() == np.ones((64, 3)).tolist()


def test_factory_with_functions_in_its_module_makes_what_is_packed(tmp_path: Path) -> None:
    def network() -> Any:
        return linen.Sequential([linen.Dense(8), lambda hidden: hidden * 2, linen.Dense(10)])

    module = network()
    variables = module.init(jax.random.key(0), IMAGES[:1])
    FlaxModelArtifact("model", network).pack((module, variables)).save(str(tmp_path))
    loaded = FlaxModelArtifact("model", network).load(str(tmp_path)).get()
    assert np.array_equal(loaded(IMAGES), module.apply(variables, IMAGES))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: FlaxModelArtifact("model", nets.LinenDigits, {"hidden": 47}), "LinenDigits.hidden: 47 instead of 48"),
        (
            lambda: FlaxModelArtifact("model", nets.LinenDigits, {"hidden": 48, "activation": "tanh"}),
            "'tanh' instead of",
        ),
        (lambda: FlaxModelArtifact("model", linen.Dense, {"features": 48}), "instead of LinenDigits"),
        (lambda: FlaxModelArtifact("model", nets.NnxDigits, {"hidden": 48}), "that is packed, not <class"),
    ],
    ids=["argument", "argument without effect on shapes", "class", "nnx"],
)
def test_pack_of_another_module_of_linen_says_what_differs(made: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        made().pack(trained_linen())


def test_pack_of_another_module_of_nnx_says_what_differs() -> None:
    with pytest.raises(InvalidArgument, match=r"layers\.0\.bias has the shape \(48,\), and \(47,\) is made"):
        FlaxModelArtifact("model", nets.NnxDigits, {"hidden": 47}).pack(trained_nnx())
    with pytest.raises(InvalidArgument, match="that is packed, not <class"):
        linen_artifact().pack(trained_nnx())


def test_load_of_arrays_of_another_nnx_module_says_what_differs(tmp_path: Path) -> None:
    nnx_artifact().pack(trained_nnx()).save(str(tmp_path))
    with pytest.raises(ArtifactLoadingException, match=r"layers\.0\.bias has the shape \(48,\), and \(47,\) is made"):
        FlaxModelArtifact("model", nets.NnxDigits, {"hidden": 47}).load(str(tmp_path))


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (lambda: 3, "extra.a is a <class 'int'>, and only arrays"),
        (lambda: [1.0], "extra.a is a <class 'list'>, and only arrays"),
        (lambda: np.zeros(3), "extra.a is of the type float64, and JAX would cut it"),
        (lambda: np.zeros(3, "complex128"), "extra.a is of the type complex128, which a file of safetensors can not"),
    ],
    ids=["number", "list", "64 bits", "complex"],
)
def test_pack_of_what_would_not_come_back_as_it_is_names_it(leaf: Any, words: str) -> None:
    module, variables = trained_linen()
    with pytest.raises(InvalidArgument, match=words):
        linen_artifact().pack((module, {**variables, "extra": {"a": leaf()}}))


@pytest.mark.parametrize("share", [0.0, 0.002, 0.01, 0.5, 0.98])
def test_load_of_a_cut_file_names_it(tmp_path: Path, share: float) -> None:
    linen_artifact().pack(trained_linen()).save(str(tmp_path))
    file = tmp_path / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArtifactLoadingException, match=r"model\.safetensors is not a whole file"):
        linen_artifact().load(str(tmp_path))


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_load_onto_a_device_that_is_not_there_says_which_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    linen_artifact().pack(trained_linen()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", device)
    with pytest.raises(ArtifactLoadingException, match=f"no device {device}, only cpu:0"):
        linen_artifact().load(str(tmp_path))


def test_load_puts_the_arrays_onto_the_chosen_device(tmp_path: Path) -> None:
    nnx_artifact().pack(trained_nnx()).save(str(tmp_path))
    model = nnx_artifact().load(str(tmp_path)).get()
    for leaf in jax.tree.leaves(nnx.state(model)):
        assert leaf.devices() == {jax.devices("cpu")[0]}
        assert leaf.committed


@pytest.mark.parametrize(
    "arguments",
    [{"format": "msgpack"}, {}, {"module": "nets.LinenDigits"}, {"module": dict, "format": "export"}],
    ids=["format", "no module", "name of a module", "module for an exported function"],
)
def test_constructor_refuses(arguments: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="FlaxModelArtifact 'model'"):
        FlaxModelArtifact("model", **arguments)


@pytest.mark.parametrize("infer", [True, False], ids=["inferred", "declared"])
def test_set_dependencies_adds_libraries_only_when_inferring(infer: bool) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    linen_artifact().set_dependencies(env)
    assert env._pip_packages == ["jax", "jaxlib", "flax"] * infer
