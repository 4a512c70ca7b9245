"""The Keras artifact, on networks that are trained here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import cloudpickle
import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument, MissingDependencyException
from bentoml.frameworks.keras import KerasModelArtifact
from bentoml.service.artifacts.pickle_gate import pickles_allowed
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question
from tests.frameworks.test_tensorflow import flowers, layers

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.environment("tensorflow")

keras = late_import("keras")
h5py = late_import("h5py")

SERVICE = """
import bentoml
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.keras import KerasModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([KerasModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(dtype="float32"), batch=True, mb_max_latency=5000)
    def predict(self, rows):
        return self.artifacts.model.predict(rows, verbose=0)
"""

H5 = {"format": "h5"}
TWO_FILES = {"store_as_json_and_weights": True}
LAYOUTS = [pytest.param({}, id="keras"), pytest.param(H5, id="h5"), pytest.param(TWO_FILES, id="two files")]


def with_lambda() -> Any:
    model = layers()
    model.add(keras.layers.Lambda(lambda values: values * 2, name="twice"))
    return model


def artifact(**arguments: Any) -> KerasModelArtifact:
    return KerasModelArtifact("model", **arguments)


class TestKeras(FrameworkContract):
    library: ClassVar[str | None] = "keras"
    requirement = "keras"
    files = frozenset({"model.keras"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "keras",
        "backend": "tensorflow",
        "class": "keras.src.models.sequential.Sequential",
        "input_signature": [{"name": "rows", "dtype": "float32", "shape": [None, 4]}],
        "parameters": 83,
    }

    @property
    def pinned(self) -> tuple[str, ...]:  # type: ignore[override]  # there are several distributions of TensorFlow
        env = BentoServiceEnv(infer_pip_packages=True)
        self.new().pack(self.good_object()).set_dependencies(env)
        assert [name.partition("-")[0] for name in env._pip_packages] == ["keras", "tensorflow"]
        return tuple(env._pip_packages)

    def new(self, name: str = "model") -> KerasModelArtifact:
        return KerasModelArtifact(name)

    def good_object(self) -> Any:
        return layers()

    def wrong_object(self) -> Any:
        return {"model": 3}

    def outcome(self, obj: Any) -> Any:
        return obj(flowers()[0]).numpy().tolist()

    def questions(self, obj: Any) -> list[Question]:
        rows, _ = flowers()
        return [
            Question(json.dumps(some.tolist()).encode(), obj(some).numpy().tolist())
            for some in (rows[:1], rows[50:53], rows[149:])
        ]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """The last digits depend on the number of rows."""
        return bool(np.allclose(actual, expected, rtol=1e-4, atol=1e-6))


class TestLambdaInH5(TestKeras):
    files = frozenset({"model.h5", "model_keras_module_name.txt"})
    service = SERVICE.replace('("model")', '("model", format="h5")')
    pickles = True

    def new(self, name: str = "model") -> KerasModelArtifact:
        return KerasModelArtifact(name, format="h5")

    def good_object(self) -> Any:
        return with_lambda()


def predictions(model: Any) -> Any:
    return model(flowers()[0]).numpy()


@pytest.mark.parametrize("arguments", LAYOUTS)
def test_every_layout_is_read_whatever_the_artifact_writes(tmp_path: Path, arguments: dict[str, Any]) -> None:
    model = layers()
    artifact(**arguments).pack(model).save(str(tmp_path))
    for reader in ({}, H5, TWO_FILES):
        loaded = artifact(**reader)
        assert loaded.has_pickle_in(str(tmp_path)) is False
        assert np.allclose(predictions(loaded.load(str(tmp_path)).get()), predictions(model), atol=1e-6)
        assert loaded.carries_pickle is False


def test_two_files_have_the_classic_names(tmp_path: Path) -> None:
    artifact(**TWO_FILES).pack(layers()).save(str(tmp_path))
    names = {"model_json.json", "model_weights.hdf5", "model_keras_module_name.txt"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_save_in_another_layout_leaves_no_files_of_the_one_before(tmp_path: Path) -> None:
    first, second = layers(), with_lambda()
    artifact().pack(first).save(str(tmp_path))
    artifact(**H5).pack({"model": second, "custom_objects": {"unused": len}}).save(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.h5",
        "model_keras_module_name.txt",
        "model_custom_objects.pkl",
    }
    artifact().pack(first).save(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


# As Keras 2.15 wrote a model to JSON, less what is at its default.
OLD_CONFIG: dict[str, Any] = {
    "class_name": "Sequential",
    "config": {
        "name": "sequential",
        "layers": [
            {
                "module": "keras.layers",
                "class_name": "InputLayer",
                "config": {
                    "batch_input_shape": [None, 4],
                    "dtype": "float32",
                    "sparse": False,
                    "ragged": False,
                    "name": "input_1",
                },
                "registered_name": None,
            },
            {
                "module": "keras.layers",
                "class_name": "BatchNormalization",
                "config": {
                    "name": "batch_normalization",
                    "trainable": True,
                    "dtype": "float32",
                    "axis": [1],
                    "epsilon": 0,
                },
                "registered_name": None,
                "build_config": {"input_shape": [None, 4]},
            },
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {"name": "dense", "trainable": True, "dtype": "float32", "units": 2, "activation": "linear"},
                "registered_name": None,
                "build_config": {"input_shape": [None, 4]},
            },
        ],
    },
    "keras_version": "2.15.0",
    "backend": "tensorflow",
}


def in_h5(config: Any) -> Any:
    """The same in a file of HDF5, where Keras 2 left out the modules."""
    layers = [{key: layer[key] for key in ("class_name", "config")} for layer in config["config"]["layers"]]
    return {**config, "config": {**config["config"], "layers": layers}}


OLD_WEIGHTS: dict[str, dict[str, Any]] = {
    "batch_normalization": {
        "gamma": np.full(4, 2, np.float32),
        "beta": np.zeros(4, np.float32),
        "moving_mean": np.zeros(4, np.float32),
        "moving_variance": np.ones(4, np.float32),
    },
    "dense": {"kernel": np.arange(8, dtype=np.float32).reshape(4, 2), "bias": np.ones(2, np.float32)},
}


def write_old_weights(group: Any) -> None:
    """The weights of `OLD_CONFIG`, in the group of a file or in a file of their own."""
    group.attrs["layer_names"] = [name.encode() for name in OLD_WEIGHTS]
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = b"2.15.0"
    for name, weights in OLD_WEIGHTS.items():
        layer = group.create_group(name)
        layer.attrs["weight_names"] = [f"{name}/{weight}:0".encode() for weight in weights]
        for weight, values in weights.items():
            layer.create_dataset(f"{name}/{weight}:0", data=values)


@pytest.mark.parametrize("is_split", [False, True], ids=["h5", "two files"])
def test_files_of_keras_2_in_the_classic_layout_are_read(tmp_path: Path, is_split: bool) -> None:
    # The classic files name the module to import; nothing is imported because a file says so.
    (tmp_path / "model_keras_module_name.txt").write_text("this_is_no_module", encoding="utf-8")
    (tmp_path / "model_custom_objects.pkl").write_bytes(cloudpickle.dumps({}))
    if is_split:
        (tmp_path / "model_json.json").write_text(json.dumps(OLD_CONFIG), encoding="utf-8")
        with h5py.File(tmp_path / "model_weights.hdf5", "w") as file:
            write_old_weights(file)
    else:
        with h5py.File(tmp_path / "model.h5", "w") as file:
            file.attrs["model_config"] = json.dumps(in_h5(OLD_CONFIG))
            write_old_weights(file.create_group("model_weights"))
    loaded = artifact().load(str(tmp_path)).get()
    assert loaded(np.array([[1, 0, 0, 1]], np.float32)).numpy().tolist() == [[13.0, 17.0]]


def test_lambda_in_a_keras_file_is_refused_when_it_is_packed() -> None:
    for arguments in ({}, {"default_custom_objects": {"twice": len}}):
        with pytest.raises(InvalidArgument, match=r"the code in twice\. Make a lambda a function with @keras.*'h5'"):
            artifact(**arguments).pack(with_lambda())


def test_lambda_in_a_loss_is_no_obstacle(tmp_path: Path) -> None:
    model = layers()
    model.compile(loss=lambda _, given: given)
    for arguments in ({}, H5, TWO_FILES):
        packed = artifact(**arguments).pack(model)
        assert packed.carries_pickle is False
        packed.save(str(tmp_path))
        assert artifact().has_pickle_in(str(tmp_path)) is False
        loaded = artifact().load(str(tmp_path)).get()
        assert np.allclose(predictions(loaded), predictions(model), atol=1e-6)
        assert not loaded.compiled


def registered(**names: str) -> Callable[[Any], Any]:
    decorate: Callable[[Any], Any] = keras.saving.register_keras_serializable(**names)
    return decorate


@pytest.mark.parametrize("arguments", LAYOUTS)
def test_registered_function_in_a_lambda_layer_carries_no_code(tmp_path: Path, arguments: dict[str, Any]) -> None:
    @registered(package="tests")
    def thrice(values: Any) -> Any:
        return values * 3

    model = layers()
    model.add(keras.layers.Lambda(thrice))
    packed = artifact(**arguments).pack(model)
    assert packed.carries_pickle is False
    packed.save(str(tmp_path))
    with pickles_allowed(False):
        loaded = artifact(**arguments).load(str(tmp_path)).get()
    assert np.allclose(predictions(loaded), predictions(model), atol=1e-6)


def with_own_layer() -> tuple[Any, Any]:
    """A model with a layer that is not registered, and the class of the layer."""

    class Doubling(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, values: Any) -> Any:
            return values * 2

    model = layers()
    model.add(Doubling())
    return model, Doubling


@pytest.mark.parametrize("arguments", LAYOUTS)
def test_default_custom_objects_need_no_pickle(tmp_path: Path, arguments: dict[str, Any]) -> None:
    model, own = with_own_layer()
    ours = {"default_custom_objects": {"Doubling": own}, **arguments}
    packed = artifact(**ours).pack({"model": model, "custom_objects": {"Doubling": own}})
    assert packed.carries_pickle is False
    packed.save(str(tmp_path))
    assert not (tmp_path / "model_custom_objects.pkl").exists()
    with pickles_allowed(False):
        loaded = artifact(**ours).load(str(tmp_path)).get()
    assert np.allclose(predictions(loaded), predictions(model), atol=1e-6)


@pytest.mark.parametrize("arguments", LAYOUTS)
def test_other_custom_objects_are_pickled_and_count(tmp_path: Path, arguments: dict[str, Any]) -> None:
    model, own = with_own_layer()
    packed = artifact(**arguments).pack({"model": model, "custom_objects": {"Doubling": own}})
    assert packed.carries_pickle is True
    packed.save(str(tmp_path))
    assert artifact(**arguments).has_pickle_in(str(tmp_path)) is True
    with pickles_allowed(False), pytest.raises(ArtifactLoadingException, match="pickles are not allowed here"):
        artifact(**arguments).load(str(tmp_path))
    loaded = artifact(**arguments).load(str(tmp_path))
    assert loaded.carries_pickle is True
    assert np.allclose(predictions(loaded.get()), predictions(model), atol=1e-6)
    loaded.save(str(tmp_path))
    assert np.allclose(predictions(artifact().load(str(tmp_path)).get()), predictions(model), atol=1e-6)


@pytest.mark.parametrize("arguments", LAYOUTS)
def test_layer_that_would_not_be_found_again_is_refused_when_saved(tmp_path: Path, arguments: dict[str, Any]) -> None:
    model, _ = with_own_layer()
    with pytest.raises(
        InvalidArgument, match=r"would not load again: .*Doubling.*or a place in default_custom_objects"
    ):
        artifact(**arguments).pack(model).save(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: 3, "takes a keras.Model, or a dict with 'model' and 'custom_objects', got <class 'int'>"),
        (lambda: {"model": layers(), "custom_objects": [1]}, "got .*Sequential.* with <class 'list'>"),
        (lambda: keras.Sequential([keras.layers.Dense(1)]), "has no weights yet; give it a keras.Input"),
    ],
    ids=["number", "list of objects", "not built"],
)
def test_pack_of_something_else_says_what_to_do(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        artifact().pack(make())


def test_model_of_a_subclass_is_kept_with_its_class(tmp_path: Path) -> None:
    @registered(package="tests", name="Halving")
    class Halving(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.dense = keras.layers.Dense(2)

        def call(self, values: Any) -> Any:
            return self.dense(values) / 2

    model = Halving()
    expected = predictions(model)
    packed = artifact().pack(model)
    facts = packed.facts()
    assert (facts["framework"], facts["parameters"]) == ("keras", 10)
    assert "input_signature" not in facts
    packed.save(str(tmp_path))
    assert np.allclose(predictions(artifact().load(str(tmp_path)).get()), expected)


def test_unknown_format_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="must be 'keras' or 'h5', not 'tf'"):
        artifact(format="tf")


def rewrite_config(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the configuration in a `.keras` file by hand."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_keras_file_that_was_given_code_by_hand_is_never_run(tmp_path: Path) -> None:
    @registered(package="tests")
    def same(values: Any) -> Any:
        return values

    model = layers()
    model.add(keras.layers.Lambda(same, name="changed"))
    artifact().pack(model).save(str(tmp_path))
    lambdas = json.loads(with_lambda().to_json())["config"]["layers"][-1]["config"]["function"]

    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][-1]["config"]["function"] = lambdas

    rewrite_config(tmp_path / "model.keras", change)
    assert artifact().has_pickle_in(str(tmp_path)) is True
    with pytest.raises(ArtifactLoadingException, match="has code in changed, which is not run"):
        artifact().load(str(tmp_path))
    keras.config.enable_unsafe_deserialization()
    try:
        with pytest.raises(ArtifactLoadingException, match="has code in changed, which is not run"):
            artifact().load(str(tmp_path))
    finally:
        keras.src.backend.common.global_state.set_global_attribute("safe_mode_saving", None)


@pytest.mark.parametrize("allowed", [True, False], ids=["pickles", "no pickles"])
@pytest.mark.parametrize(
    "damage", [lambda content: content[:300], lambda _: b"", lambda _: b"x" * 999], ids=["cut", "empty", "x"]
)
@pytest.mark.parametrize(
    ("arguments", "name"),
    [({}, "model.keras"), (H5, "model.h5"), (TWO_FILES, "model_json.json"), (TWO_FILES, "model_weights.hdf5")],
    ids=["keras", "h5", "json", "weights"],
)
def test_damaged_files_are_named(
    tmp_path: Path, arguments: dict[str, Any], name: str, damage: Callable[[bytes], bytes], allowed: bool
) -> None:
    artifact(**arguments).pack(layers()).save(str(tmp_path))
    file = tmp_path / name
    file.write_bytes(damage(file.read_bytes()))
    with (
        pickles_allowed(allowed),
        pytest.raises(ArtifactLoadingException, match=f"{name} is no model of Keras, or is damaged"),
    ):
        artifact().load(str(tmp_path))
    file.unlink()
    (tmp_path / "model_keras_module_name.txt").unlink(missing_ok=True)
    with pickles_allowed(allowed), pytest.raises(ArtifactLoadingException, match=f"{name} is missing"):
        artifact(**arguments).load(str(tmp_path))


def test_keras_file_with_damaged_weights_names_the_artifact(tmp_path: Path) -> None:
    artifact().pack(layers()).save(str(tmp_path))
    file = tmp_path / "model.keras"
    content = bytearray(file.read_bytes())
    middle = content.index(b"\x89HDF")
    content[middle : middle + 8] = bytes(8)
    file.write_bytes(content)
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        artifact().load(str(tmp_path))


def test_load_without_the_chosen_device_says_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact().pack(layers()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:7")
    with pytest.raises(ArtifactLoadingException, match="sees no device cuda:7 here, only cpu"):
        artifact().load(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "cpu")
    model = artifact().load(str(tmp_path)).get()
    assert model.weights[0].value.device.endswith("CPU:0")


def test_keras_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras as installed

    monkeypatch.setattr(installed, "__version__", "3.8.0")
    with pytest.raises(MissingDependencyException, match=r"3\.8\.0 is too old.*pip install 'keras>="):
        artifact().pack(layers())


OTHER_BACKEND = """
import json, sys
import numpy as np
import keras
from bentoml.frameworks.keras import KerasModelArtifact
from bentoml.service.env import BentoServiceEnv

model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3)])
packed = KerasModelArtifact("model").pack(model)
packed.save(sys.argv[1])
loaded = KerasModelArtifact("model").load(sys.argv[1]).get()
rows = np.ones((1, 2), "float32")
env = BentoServiceEnv(infer_pip_packages=True)
packed.set_dependencies(env)
same = bool(np.allclose(loaded.predict(rows, verbose=0), model.predict(rows, verbose=0)))
print(json.dumps([same, packed.facts()["backend"], env._pip_packages]))
"""


def run(program: str, *arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_model_on_another_backend_needs_that(tmp_path: Path) -> None:
    answer = json.loads(run(OTHER_BACKEND, str(tmp_path), KERAS_BACKEND="jax"))
    assert answer == [True, "jax", ["keras", "jax"]]


WITHOUT_BACKEND = """
import sys
sys.modules["torch"] = None
from bentoml.exceptions import MissingDependencyException
from bentoml.frameworks.keras import KerasModelArtifact
try:
    KerasModelArtifact("model").load("/")
except MissingDependencyException as error:
    print(error)
"""


def test_backend_that_is_not_installed_is_named() -> None:
    assert run(WITHOUT_BACKEND, KERAS_BACKEND="torch").startswith("Keras needs torch, which is not installed; run: pip")


@pytest.mark.parametrize("infer", [True, False], ids=["inferred", "declared"])
def test_set_dependencies_adds_keras_only_when_inferring(infer: bool) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    artifact().set_dependencies(env)
    assert list(env._pip_packages) == ["keras"] * infer
