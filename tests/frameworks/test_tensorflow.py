"""The TensorFlow artifact, on models that are trained here."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from bentoml.exceptions import ArtifactLoadingException, BentoMLConfigException, InvalidArgument
from bentoml.frameworks.tensorflow import TensorflowSavedModelArtifact
from bentoml.service.artifacts.pickle_gate import pickles_allowed
from bentoml.service.env import BentoServiceEnv
from tests.environments.late_import import late_import
from tests.frameworks.contract import FrameworkContract, Question
from tests.server.live import save_bundle
from tests.server.test_failures import last_line, serve_to_the_end

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.environment("tensorflow")

tf = late_import("tensorflow")
keras = late_import("keras")
datasets = late_import("sklearn.datasets")

SERVICE = """
import bentoml
from bentoml.adapters import TfTensorInput, TfTensorOutput
from bentoml.frameworks.tensorflow import TensorflowSavedModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([TensorflowSavedModelArtifact("model")])
class Served(bentoml.BentoService):
    @bentoml.api(input=TfTensorInput(), output=TfTensorOutput(), batch=True, mb_max_latency=5000)
    def predict(self, tensor):
        return self.artifacts.model(tensor)
"""


def flowers() -> tuple[Any, Any]:
    features, species = datasets.load_iris(return_X_y=True)
    return features.astype(np.float32), species


def regression(*, decoration: Callable[[Any], Any] | None = None) -> Any:
    """A softmax regression for iris, trained by gradient descent."""

    class Regression(tf.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable(tf.zeros((4, 3)))
            self.bias = tf.Variable(tf.zeros(3))

        def __call__(self, rows: Any) -> Any:
            return tf.nn.softmax(rows @ self.weights + self.bias)

        def train(self, rows: Any, labels: Any) -> None:
            for _ in range(30):
                with tf.GradientTape() as tape:
                    loss = -tf.reduce_mean(tf.math.log(tf.gather(self(rows), labels, batch_dims=1)))
                for variable, slope in zip(self.variables, tape.gradient(loss, self.variables), strict=True):
                    variable.assign_sub(0.1 * slope)

    if decoration is None:
        decoration = tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="rows")])
    Regression.__call__ = decoration(Regression.__call__)  # type: ignore[method-assign]
    model = Regression()
    model.train(*flowers())
    return model


def trace_when_called(function: Any) -> Any:
    """A `tf.function` without a signature; the module is used before the library is there."""
    return tf.function(function)


@functools.cache
def trained_layers() -> Any:
    """A network for iris, with layers that work differently while it is trained."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((4,), name="rows"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(*flowers(), epochs=2, verbose=0)
    return model


def layers() -> Any:
    """The network again, which may be changed."""
    model = keras.models.clone_model(trained_layers())
    model.set_weights(trained_layers().get_weights())
    return model


def packed(obj: Any, **arguments: Any) -> TensorflowSavedModelArtifact:
    return TensorflowSavedModelArtifact("model").pack(obj, **arguments)


class TestModule(FrameworkContract):
    library: ClassVar[str | None] = "tensorflow"
    requirement = "tensorflow"
    files = frozenset({"model_saved_model"})
    service = SERVICE
    facts: ClassVar[dict[str, Any]] = {
        "framework": "tensorflow",
        "input_signature": [{"name": "rows", "dtype": "float32", "shape": [None, 4]}],
        "functions": {"__call__": [[{"name": "rows", "dtype": "float32", "shape": [None, 4]}]]},
        "parameters": 15,
    }

    @property
    def pinned(self) -> tuple[str, ...]:  # type: ignore[override]  # there are several distributions of one library
        env = BentoServiceEnv(infer_pip_packages=True)
        self.new().set_dependencies(env)
        return tuple(env._pip_packages)

    def new(self, name: str = "model") -> TensorflowSavedModelArtifact:
        return TensorflowSavedModelArtifact(name)

    def good_object(self) -> Any:
        return regression()

    def wrong_object(self) -> Any:
        return "no_such_directory"

    def outcome(self, obj: Any) -> Any:
        return obj(flowers()[0]).numpy().tolist()

    def questions(self, obj: Any) -> list[Question]:
        rows, _ = flowers()
        return [
            Question(json.dumps({"instances": some.tolist()}).encode(), obj(some).numpy().tolist())
            for some in (rows[:1], rows[50:53], rows[149:])
        ]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """The last digits depend on the number of rows."""
        return bool(np.allclose(actual, expected, rtol=1e-4, atol=1e-6))


def test_keras_model_keeps_its_predictions_and_variables_once(tmp_path: Path) -> None:
    model = trained_layers()
    artifact = packed(model)
    artifact.save(str(tmp_path))
    loaded = TensorflowSavedModelArtifact("model").load(str(tmp_path))
    rows, _ = flowers()
    expected = model.predict(rows, verbose=0)
    # Neither called with a training flag, nor with tensors.
    assert np.allclose(loaded.get()(rows).numpy(), expected, atol=1e-6)
    assert np.allclose(loaded.get().serve(rows.tolist()).numpy(), expected, atol=1e-6)
    assert loaded.facts()["parameters"] == artifact.facts()["parameters"] == model.count_params()
    assert artifact.facts()["class"] == "keras.src.models.sequential.Sequential"
    assert artifact.facts()["input_signature"] == [{"name": "rows", "dtype": "float32", "shape": [None, 4]}]
    variables = tf.train.list_variables(str(tmp_path / "model_saved_model" / "variables" / "variables"))
    assert sum(np.prod(shape, dtype=int) for name, shape in variables if "VARIABLE" in name) == model.count_params()


def test_keras_model_with_a_vocabulary_keeps_it(tmp_path: Path) -> None:
    words = keras.layers.TextVectorization(output_sequence_length=3)
    words.adapt(["a warm day", "a cold night"])
    inner = keras.Sequential([keras.layers.Input((1,), dtype="string"), words, keras.layers.Embedding(9, 2)])
    model = keras.Sequential([keras.layers.Input((1,), dtype="string"), inner])
    packed(model).save(str(tmp_path))
    loaded = TensorflowSavedModelArtifact("model").load(str(tmp_path)).get()
    texts = [["a cold day"], ["unknown"]]
    assert np.allclose(loaded(texts).numpy(), model(tf.constant(texts)).numpy())


def test_keras_model_of_a_subclass_is_packed_once_it_was_called() -> None:
    class Doubling(keras.Model):  # type: ignore[misc, name-defined]
        def call(self, values: Any) -> Any:
            return values * 2

    model = Doubling()
    with pytest.raises(InvalidArgument, match=r"cannot save the Doubling: .*not yet been built"):
        packed(model)
    model(np.ones((1, 2), np.float32))
    assert packed(model).get()([[1, 2]]).numpy().tolist() == [[2.0, 4.0]]


def test_path_of_a_saved_model_is_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    tf.saved_model.save(regression(), str(source))
    artifact = packed(source)
    artifact.save(str(target))
    shutil.rmtree(source)
    loaded = TensorflowSavedModelArtifact("model").load(str(target))
    assert loaded.get()([[5.1, 3.5, 1.4, 0.2]]).numpy().argmax() == 0
    assert loaded.facts()["parameters"] == 15
    assert "class" not in loaded.facts()


def test_saved_model_of_tensorflow_1_is_called_by_its_signature(tmp_path: Path) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        given = v1.placeholder(tf.float32, (None, 2), name="given")
        weights = v1.get_variable("weights", (2, 1), initializer=v1.ones_initializer())
        result = tf.matmul(given, weights)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(tmp_path / "old"))
        signature = v1.saved_model.predict_signature_def({"given": given}, {"result": result})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    artifact = packed(str(tmp_path / "old"))
    assert isinstance(artifact.get().graph, tf.Graph)
    assert artifact.carries_pickle is False  # the part that saves variables has an operation that writes
    assert artifact.facts()["input_signature"] == [{"name": "given", "dtype": "float32", "shape": [None, 2]}]
    assert artifact.get().signatures["serving_default"]([[1, 2]])["result"].numpy().tolist() == [[3.0]]
    with pytest.raises(TypeError, match=r"call; there are signatures\['serving_default'\]"):
        artifact.get()([[1, 2]])


def test_signatures_are_written_as_they_are_given() -> None:
    model = regression(decoration=trace_when_called)
    spec = tf.TensorSpec((None, 4), tf.float64, name="flowers")
    signature = tf.function(lambda flowers: model(tf.cast(flowers, tf.float32)), input_signature=[spec])
    artifact = packed(model, signatures={"probabilities": signature}, options=tf.saved_model.SaveOptions())
    assert list(artifact.get().signatures) == ["probabilities"]
    assert "input_signature" not in artifact.facts()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: 3, "takes a tf.Module, .*got <class 'int'>"),
        (lambda: tf.Module(name="empty"), "nothing to call in it; give its methods @tf.function"),
        (lambda: regression(decoration=lambda function: function), "nothing to call in it"),
        (lambda: Path(__file__).parent, "is no directory with a file saved_model.pb"),
    ],
    ids=["number", "nothing", "not traced", "directory of something else"],
)
def test_pack_of_what_cannot_be_served_says_what_to_do(make: Callable[[], Any], words: str) -> None:
    artifact = TensorflowSavedModelArtifact("model")
    with pytest.raises(InvalidArgument, match=words):
        artifact.pack(make())
    assert not artifact.is_ready


def test_signatures_for_a_path_are_refused(tmp_path: Path) -> None:
    tf.saved_model.save(regression(), str(tmp_path / "model"))
    with pytest.raises(InvalidArgument, match="signatures and options are for objects"):
        packed(tmp_path / "model", signatures={})


def test_pack_writes_the_object_at_once() -> None:
    model = regression()
    expected = model(flowers()[0]).numpy()
    artifact = packed(model)
    model.weights.assign(tf.zeros((4, 3)))
    assert np.allclose(artifact.get()(flowers()[0]).numpy(), expected)


def test_temporary_files_go_with_the_artifact() -> None:
    artifact = packed(regression())
    assert artifact._source is not None
    directory = artifact._source
    assert directory.exists()
    del artifact
    assert not directory.exists()


def writing_module(path: Path) -> Any:
    class Writing(tf.Module):  # type: ignore[misc, name-defined]
        @tf.function(input_signature=[tf.TensorSpec((), tf.string)])  # type: ignore[untyped-decorator]
        def __call__(self, text: Any) -> Any:
            tf.io.write_file(str(path), text)
            return text

    return Writing()


def test_graph_that_writes_files_counts_as_one_that_runs_code(tmp_path: Path) -> None:
    artifact = packed(writing_module(tmp_path / "written"))
    assert artifact.carries_pickle is True
    artifact.save(str(tmp_path))
    assert TensorflowSavedModelArtifact("model").has_pickle_in(str(tmp_path)) is True
    with pickles_allowed(False), pytest.raises(ArtifactLoadingException, match="pickles are not allowed here"):
        TensorflowSavedModelArtifact("model").load(str(tmp_path))
    assert TensorflowSavedModelArtifact("model").load(str(tmp_path)).carries_pickle is True
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:100], lambda _: b"", lambda _: b"no model", lambda content: content[::-1]],
    ids=["cut", "empty", "text", "reversed"],
)
@pytest.mark.parametrize("allowed", [True, False], ids=["pickles", "no pickles"])
def test_damaged_graph_is_named(tmp_path: Path, damage: Callable[[bytes], bytes], allowed: bool) -> None:
    packed(regression()).save(str(tmp_path))
    file = tmp_path / "model_saved_model" / "saved_model.pb"
    file.write_bytes(damage(file.read_bytes()))
    with (
        pickles_allowed(allowed),
        pytest.raises(ArtifactLoadingException, match=r"saved_model\.pb is no SavedModel, or"),
    ):
        TensorflowSavedModelArtifact("model").load(str(tmp_path))


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
def test_damaged_variables_name_the_artifact(tmp_path: Path, name: str) -> None:
    packed(regression()).save(str(tmp_path))
    file = tmp_path / "model_saved_model" / "variables" / name
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        TensorflowSavedModelArtifact("model").load(str(tmp_path))
    file.unlink()
    with pytest.raises(ArtifactLoadingException, match="'model' can not be loaded"):
        TensorflowSavedModelArtifact("model").load(str(tmp_path))


def test_missing_files_are_named_where_pickles_are_not_allowed(tmp_path: Path) -> None:
    with pickles_allowed(False), pytest.raises(ArtifactLoadingException, match="model_saved_model is missing"):
        TensorflowSavedModelArtifact("model").load(str(tmp_path))


def test_load_puts_the_model_onto_the_chosen_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed(regression()).save(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "cpu")
    model = TensorflowSavedModelArtifact("model").load(str(tmp_path)).get()
    assert model.weights.device.endswith("CPU:0")
    assert model([[1, 2, 3, 4]]).device.endswith("CPU:0")
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:7")
    with pytest.raises(ArtifactLoadingException, match="sees no device cuda:7 here, only cpu"):
        TensorflowSavedModelArtifact("model").load(str(tmp_path))
    monkeypatch.setenv("BENTOML_DEVICE", "toaster")
    with pytest.raises(BentoMLConfigException, match="toaster"):
        TensorflowSavedModelArtifact("model").load(str(tmp_path))


def test_preload_says_that_the_model_cannot_be_forked(tmp_path: Path) -> None:
    tf.saved_model.save(regression(), str(tmp_path / "source"))
    pack = f"service.pack('model', {str(tmp_path / 'source')!r})"
    bundle = save_bundle(tmp_path, SERVICE, class_name="Served", pack=pack)
    done = serve_to_the_end(bundle, tmp_path, "--preload", "--workers", "2")
    assert done.returncode == 1
    assert "--preload does not go with 'model' (TensorflowSavedModelArtifact)" in last_line(done)


@pytest.mark.parametrize("infer", [True, False], ids=["inferred", "declared"])
def test_set_dependencies_adds_tensorflow_only_when_inferring(infer: bool) -> None:
    env = BentoServiceEnv(infer_pip_packages=infer)
    TensorflowSavedModelArtifact("model").set_dependencies(env)
    assert [name.partition("-")[0] for name in env._pip_packages] == ["tensorflow"] * infer
