"""Models of Keras."""

from __future__ import annotations

import json
import tempfile
import warnings
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cloudpickle
from packaging.version import Version

from bentoml._models.keras_files import code_in, config_of_h5, config_of_json, config_of_keras, join_h5, split_h5
from bentoml._models.tensorflow_device import prepare_tensorflow_device, tensorflow_distribution
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument, MissingDependencyException
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

# Older versions let files do what `safe_mode` promises they cannot.
_OLDEST = "3.12.1"
_HINT = (
    "classes and functions of your own need @keras.saving.register_keras_serializable() in a module that the service "
    "imports, or a place in default_custom_objects"
)

# Of what Keras says, in characters.
_LONGEST = 500
_SUFFIXES = (".keras", ".h5", "_json.json", "_weights.hdf5", "_keras_module_name.txt", "_custom_objects.pkl")
# What a backend needs installed, other than TensorFlow.
_BACKENDS = {"jax": ["jax"], "numpy": ["jax", "numpy"], "openvino": ["openvino"], "torch": ["torch"]}

_OLD_CODE = "there are lambdas in it, or objects packed with it"

Layout = Literal["keras", "h5", "json"]


class KerasModelArtifact(ModelArtifact):
    """A model in a file of Keras' own, `<name>.keras`, which is read in its safe mode: it cannot run code.

    The older layouts are written when they are asked for, and read whenever they are there: `<name>.h5`, and
    `<name>_json.json` with `<name>_weights.hdf5`. What is read is there to predict with: optimizer, loss and metrics
    stay in the file.

    Args:
        name: name of the artifact.
        default_custom_objects: classes and functions that models are made of, by name. They come from the source of
            the service; what is packed beyond them goes into a pickle, `<name>_custom_objects.pkl`.
        store_as_json_and_weights: write JSON and weights in two files of their own.
        format: `keras`, or `h5` for the older file.

    Raises:
        InvalidArgument: there is no such format.
    """

    formats = (
        FileFormat("Keras", (".keras",), runs_code="objects are packed with it"),
        FileFormat("HDF5", (".h5", "_keras_module_name.txt"), runs_code=_OLD_CODE),
        FileFormat("JSON and HDF5", ("_json.json", "_weights.hdf5", "_keras_module_name.txt"), runs_code=_OLD_CODE),
    )
    survives_fork = False

    def __init__(
        self,
        name: str,
        default_custom_objects: dict[str, Any] | None = None,
        store_as_json_and_weights: bool = False,
        *,
        format: Literal["keras", "h5"] = "keras",  # noqa: A002 - reads well where it is given
    ) -> None:
        super().__init__(name)
        if format not in {"keras", "h5"}:
            raise InvalidArgument(f"format of KerasModelArtifact '{name}' must be 'keras' or 'h5', not {format!r}")
        self._layout: Layout = "json" if store_as_json_and_weights else format
        self._default_objects = dict(default_custom_objects or {})
        self._packed_objects: dict[str, Any] = {}
        self._has_code = False

    @property
    def carries_pickle(self) -> bool:
        """Whether there are objects in a pickle, or lambdas as bytecode, which only the older layouts may have."""
        return bool(self._packed_objects) or self._has_code

    def has_pickle_in(self, directory: str) -> bool:
        """The same for files that have not been loaded."""
        layout = self._layout_in(directory)
        return self._file(directory, "_custom_objects.pkl").exists() or bool(self._code_of_files(directory, layout))

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a `keras.Model`, or a dict `{"model": model, "custom_objects": {...}}`.

        Raises:
            InvalidArgument: it is something else, has no weights yet, or has lambdas, which `.keras` does not take.
            MissingDependencyException: Keras, or what it computes with, is not installed.
        """
        keras = _keras()
        objects: Any = None
        if isinstance(model, dict) and "model" in model:
            model, objects = model["model"], model.get("custom_objects")
        if not isinstance(model, keras.Model) or not isinstance(objects or {}, dict):
            raise InvalidArgument(
                f"KerasModelArtifact '{self.name}' takes a keras.Model, or a dict with 'model' and 'custom_objects', "
                f"got {type(model)} with {type(objects)}; for a SavedModel there is TensorflowSavedModelArtifact"
            )
        if not model.built:
            raise InvalidArgument(
                f"KerasModelArtifact '{self.name}': it has no weights yet; give it a keras.Input, or call it once"
            )
        code = code_in(self._config_of(model))
        if code and self._layout == "keras":
            raise InvalidArgument(
                f"KerasModelArtifact '{self.name}': a .keras file is not read with the code in {', '.join(code)}. "
                "Make a lambda a function with @keras.saving.register_keras_serializable() in a module that the "
                "service imports; or give format='h5', which keeps bytecode and counts as a pickle"
            )
        self._model, self._has_code = model, bool(code)
        known = self._default_objects
        self._packed_objects = {key: one for key, one in (objects or {}).items() if known.get(key) is not one}
        return self

    def load(self, path: str) -> Self:
        """Read the model onto the chosen device; where it carries pickles, this runs code that they hold.

        Raises:
            ArtifactLoadingException: a file is damaged, or holds code where it must not; or there is no such device.
        """
        _keras()
        layout = self._layout_in(path)
        code = self._code_of_files(path, layout)
        if code and layout == "keras":
            raise ArtifactLoadingException(
                f"KerasModelArtifact '{self.name}': {self._file(path, '.keras')} has code in {', '.join(code)}, "
                "which is not run; pack the model again with registered functions, or with format='h5'"
            )
        objects_file = self._file(path, "_custom_objects.pkl")
        packed = cloudpickle.loads(objects_file.read_bytes()) if objects_file.exists() else {}
        with self._on_device():
            self._model = self._read(Path(path), layout, packed, has_code=bool(code))
        self._packed_objects, self._has_code = packed, bool(code)
        return self

    def save(self, dst: str) -> None:
        """Write the files, and read them once to be sure that they can be.

        Raises:
            InvalidArgument: they cannot be.
        """
        with tempfile.TemporaryDirectory(dir=dst, prefix=f".{self.name}.") as scratch:
            try:
                self._write(Path(scratch))
                self._read(Path(scratch), self._layout, self._packed_objects, has_code=self._has_code)
            except (LookupError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
                raise InvalidArgument(
                    f"KerasModelArtifact '{self.name}' would not load again: {error}; {_HINT}"
                ) from error
            for suffix in _SUFFIXES:
                written, target = self._file(scratch, suffix), self._file(dst, suffix)
                if written.exists():
                    written.replace(target)
                else:
                    target.unlink(missing_ok=True)

    def facts(self) -> dict[str, Any]:
        """Class, version of Keras, what it computes with, the inputs, and the number of weights."""
        keras, model = _keras(), self._model
        facts = {
            **super().facts(),
            "framework": "keras",  # of a class of the user's, too
            "framework_version": keras.__version__,
            "backend": keras.config.backend(),
            "parameters": int(model.count_params()),
        }
        inputs = getattr(model, "inputs", None)  # a subclass has none
        if inputs:
            facts["input_signature"] = [
                {"name": one.name, "dtype": str(one.dtype), "shape": list(one.shape)} for one in inputs
            ]
        return facts

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add Keras when requirements are inferred, and once there is a model, what it computes with."""
        if not env._infer_pip_packages:
            return
        env.add_pip_packages(["keras"])
        if self.is_ready:
            backend = _keras().config.backend()
            env.add_pip_packages(_BACKENDS.get(backend) or [tensorflow_distribution()])

    def _file(self, directory: str | Path, suffix: str) -> Path:
        return Path(directory) / f"{self.name}{suffix}"

    def _layout_in(self, directory: str) -> Layout:
        """The layout of the files that are there; that of this artifact where there are none."""
        if self._file(directory, ".keras").exists():
            return "keras"
        if self._file(directory, "_json.json").exists():
            return "json"
        return "h5" if self._file(directory, ".h5").exists() else self._layout

    def _code_of_files(self, directory: str, layout: Layout) -> list[str]:
        if layout == "json":
            return code_in(config_of_json(self._file(directory, "_json.json")))
        if layout == "h5":
            return code_in(config_of_h5(self._file(directory, ".h5")))
        return code_in(config_of_keras(self._file(directory, ".keras")))

    def _config_of(self, model: Any) -> Any:
        """What a file says of a model, less what only training needs."""
        try:
            with _quiet_about_lambdas():
                config = json.loads(model.to_json())
        except (NotImplementedError, TypeError, ValueError) as error:
            raise InvalidArgument(f"KerasModelArtifact '{self.name}': Keras cannot save the model: {error}") from error
        return {key: value for key, value in config.items() if key != "compile_config"}

    def _write(self, directory: Path) -> None:
        with _quiet_about_lambdas():
            if self._layout == "keras":
                self._model.save(self._file(directory, ".keras"))
            else:
                self._model.save(self._file(directory, ".h5"))
                self._file(directory, "_keras_module_name.txt").write_text("keras", encoding="utf-8")
        if self._layout == "json":
            whole = self._file(directory, ".h5")
            split_h5(whole, self._file(directory, "_json.json"), self._file(directory, "_weights.hdf5"))
            whole.unlink()
        if self._packed_objects:
            self._file(directory, "_custom_objects.pkl").write_bytes(cloudpickle.dumps(self._packed_objects))

    def _read(self, directory: Path, layout: Layout, packed: dict[str, Any], *, has_code: bool) -> Any:
        objects = {**self._default_objects, **packed}
        if layout != "json":
            return _read_file(self._file(directory, f".{layout}"), objects, has_code=has_code)
        with tempfile.TemporaryDirectory() as scratch:
            whole = Path(scratch, "model.h5")
            join_h5(self._file(directory, "_json.json"), self._file(directory, "_weights.hdf5"), whole)
            return _read_file(whole, objects, has_code=has_code)

    def _on_device(self) -> AbstractContextManager[None]:
        """Where TensorFlow computes, the chosen device; other libraries choose for themselves."""
        if _keras().config.backend() != "tensorflow":
            return nullcontext()
        device: AbstractContextManager[None] = require("tensorflow").device(
            prepare_tensorflow_device(self.chosen_device())
        )
        return device


def _read_file(file: Path, objects: dict[str, Any], *, has_code: bool) -> Any:
    try:
        return _keras().saving.load_model(str(file), custom_objects=objects, compile=False, safe_mode=not has_code)
    except TypeError as error:  # it repeats the whole configuration, and what happened comes last
        raise TypeError(str(error).rsplit("Exception encountered: ", 1)[-1].partition("\n")[0][:_LONGEST]) from error


def _keras() -> Any:
    try:
        keras = require("keras")
    except ModuleNotFoundError as error:  # Keras is there, what it computes with is not
        name = str(error.name).partition(".")[0]
        raise MissingDependencyException(
            f"Keras needs {name}, which is not installed; run: pip install {name}; "
            "or set KERAS_BACKEND to another library that it computes with"
        ) from error
    if Version(keras.__version__) < Version(_OLDEST):
        raise MissingDependencyException(
            f"Keras {keras.__version__} is too old: its files may run code; run: pip install 'keras>={_OLDEST}'"
        )
    return keras


@contextmanager
def _quiet_about_lambdas() -> Iterator[None]:
    """Without the warning about lambdas: those of layers are dealt with, those of a loss are not read again."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The object being serialized includes a `lambda`", UserWarning)
        yield
