"""Models of TensorFlow, as SavedModels."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._models.saved_model_calls import CallableModel
from bentoml._models.saved_model_graph import (
    count_parameters,
    has_calls,
    inputs_of_functions,
    inputs_of_signature,
    parse_saved_model,
    risky_operations,
)
from bentoml._models.tensorflow_device import prepare_tensorflow_device, tensorflow_distribution
from bentoml._util.files import replaced_directory
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

# Of the forms of one function in facts: a manifest stays readable.
_MOST_FORMS = 10


class TensorflowSavedModelArtifact(ModelArtifact):
    """A model in a directory of TensorFlow's own, `<name>_saved_model/`: a graph and the values of its variables.

    The service gets the loaded SavedModel. Its functions and signatures take arrays, lists and numbers of Python as
    well as tensors, and make them what the graph asks for.
    """

    formats = (FileFormat("SavedModel", ("_saved_model/",), runs_code="its graph writes files"),)
    survives_fork = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._source: Path | None = None
        self._class: dict[str, Any] = {}

    @property
    def carries_pickle(self) -> bool:
        """Whether the graph has operations that write files or reach beyond the process; most have none."""
        return self._source is not None and _is_risky(self._source)

    def has_pickle_in(self, directory: str) -> bool:
        """The same for files that have not been loaded."""
        return _is_risky(self._existing(self._directory(directory)))

    def pack(
        self,
        obj: Any,
        metadata: dict[str, Any] | None = None,  # noqa: ARG002 - kept by the base
        signatures: Any = None,
        options: Any = None,
    ) -> Self:
        """Take a `tf.Module`, a Keras model or another object that TensorFlow tracks; or the path of a SavedModel.

        An object is written to a temporary directory at once: what happens to it later does not count.

        Args:
            obj: the object, or the path.
            metadata: kept with it.
            signatures: for `tf.saved_model.save`; by default those that the object has.
            options: a `tf.saved_model.SaveOptions`.

        Raises:
            InvalidArgument: it is something else, cannot be saved, or has no function that can be called.
            MissingDependencyException: TensorFlow is not installed.
        """
        tensorflow = require("tensorflow")
        if isinstance(obj, (str, os.PathLike)):
            source = self._path_of_user(Path(obj), has_more=signatures is not None or options is not None)
            kind = {}
        elif isinstance(obj, tensorflow.__internal__.tracking.Trackable):
            source = self._written(obj, signatures, options)
            kind = {"class": f"{type(obj).__module__}.{type(obj).__qualname__}"}
        else:
            raise InvalidArgument(
                f"TensorflowSavedModelArtifact '{self.name}' takes a tf.Module, a Keras model with the backend "
                f"tensorflow, another object that TensorFlow tracks, or the path of a SavedModel, got {type(obj)}"
            )
        if not has_calls(parse_saved_model(source)):
            raise InvalidArgument(
                f"TensorflowSavedModelArtifact '{self.name}': there is nothing to call in it; give its methods "
                "@tf.function(input_signature=...), or call each of them once before it is packed"
            )
        self._source, self._class, self._model = source, kind, None
        return self

    def load(self, path: str) -> Self:
        """Read the model onto the chosen device.

        Raises:
            ArtifactLoadingException: the files are damaged, or TensorFlow has no such device.
        """
        source = self._existing(self._directory(path))
        parse_saved_model(source)  # says in clear words when it is damaged
        self._model = self._loaded_from(source)
        self._source, self._class = source, {}
        return self

    def get(self) -> Any:
        """The SavedModel; after `pack` it is loaded when it is first asked for."""
        if self._model is None and self._source is not None:
            self._model = self._loaded_from(self._source)
        return self._model

    def save(self, dst: str) -> None:
        """Copy the directory."""
        assert self._source is not None
        with replaced_directory(self._directory(dst)) as directory:
            shutil.copytree(self._source, directory, dirs_exist_ok=True)

    def facts(self) -> dict[str, Any]:
        """Version of the library, class of what was packed, what it takes, and the number of its parameters."""
        assert self._source is not None
        model = parse_saved_model(self._source)
        functions = {name: forms[:_MOST_FORMS] for name, forms in inputs_of_functions(model).items()}
        facts = {
            "framework": "tensorflow",
            "framework_version": require("tensorflow").__version__,
            **self._class,
            "input_signature": inputs_of_signature(model),
            "functions": functions or None,
            "parameters": count_parameters(model),
        }
        return {key: value for key, value in facts.items() if value is not None}

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add TensorFlow when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages([tensorflow_distribution()])

    def _loaded_from(self, directory: Path) -> CallableModel:
        tensorflow = require("tensorflow")
        device = prepare_tensorflow_device(self.chosen_device())
        with tensorflow.device(device):
            return CallableModel(tensorflow.saved_model.load(str(directory)), device)

    def _path_of_user(self, path: Path, *, has_more: bool) -> Path:
        if not (path / "saved_model.pb").is_file() and not (path / "saved_model.pbtxt").is_file():
            raise InvalidArgument(
                f"TensorflowSavedModelArtifact '{self.name}': {path} is no directory with a file saved_model.pb"
            )
        if has_more:
            raise InvalidArgument(
                f"TensorflowSavedModelArtifact '{self.name}': signatures and options are for objects; "
                f"{path} is a SavedModel already"
            )
        return path.resolve()

    def _written(self, obj: Any, signatures: Any, options: Any) -> Path:
        """A new temporary directory with the object, which goes when this artifact does."""
        directory = Path(tempfile.mkdtemp(prefix="bentoml-saved-model-"))
        weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
        try:
            if signatures is None and options is None and _is_keras_model(obj):
                _export(obj, directory)
            else:
                require("tensorflow").saved_model.save(obj, str(directory), signatures=signatures, options=options)
        except (AssertionError, LookupError, NotImplementedError, TypeError, ValueError) as error:
            raise InvalidArgument(
                f"TensorflowSavedModelArtifact '{self.name}': TensorFlow cannot save the {type(obj).__name__}: {error}"
            ) from error
        return directory

    def _directory(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}_saved_model"


def _is_keras_model(obj: Any) -> bool:
    keras = sys.modules.get("keras")  # without it there is no model of it
    return keras is not None and isinstance(obj, keras.Model)


def _export(model: Any, directory: Path) -> None:
    """Write a Keras model with a function `serve`, which `tf.saved_model.save` would leave out."""
    keras = require("keras")
    try:
        given = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    except (AttributeError, TypeError):  # a subclass, whose inputs only Keras itself remembers
        model.export(str(directory), verbose=False)
        return
    signature = [
        keras.tree.map_structure(lambda one: require("tensorflow").TensorSpec(one.shape, one.dtype, one.name), given)
    ]
    archive = keras.export.ExportArchive()
    # Tables have to be named to it. When all of the model is, as in `model.export`, each variable is written twice.
    tables = (keras.layers.TextVectorization, keras.layers.StringLookup, keras.layers.IntegerLookup)
    for layer in _layers(model):
        if isinstance(layer, tables):
            archive.track(layer)
    archive.add_endpoint("serve", model, signature)
    archive.write_out(str(directory), verbose=False)


def _layers(model: Any) -> Iterator[Any]:
    """All layers of a Keras model, those of models and wrappers in it, too."""
    waiting = list(model.layers)
    while waiting:
        layer = waiting.pop()
        yield layer
        waiting += [*getattr(layer, "layers", ()), *filter(None, [getattr(layer, "layer", None)])]


def _is_risky(directory: Path) -> bool:
    return bool(risky_operations(parse_saved_model(directory)))
