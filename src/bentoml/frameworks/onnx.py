"""Models in the format of ONNX, run by ONNX Runtime."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._models.onnx_file import describe
from bentoml._models.onnx_weights import MisplacedWeightsError, check_model, copy_model, mapped
from bentoml._models.protobuf_wire import DamagedMessageError
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_BACKENDS = ("onnxruntime", "onnxruntime-gpu")

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
# What ONNX Runtime says, and what to do about it.
_ADVICE = {
    "is not a registered function/op": "it has operators of its own: register the library that brings them in "
    "session_options, by register_custom_ops_library",
    "Failed to construct locale": "install that locale on the machine (Debian: package locales-all), or convert the "
    "model with the locale C, as by the option locale of skl2onnx",
    "Unsupported model IR version": "install a newer onnxruntime, or write the model in an older version of the format",
    "under development": "install a newer onnxruntime, or convert the model with a lower target_opset",
}


class OnnxModelArtifact(ModelArtifact):
    """A model in a file of ONNX, `<name>.onnx`, with large weights beside it in `<name>.data`.

    The service gets it as an `onnxruntime.InferenceSession`, made when the service is loaded. Where `OMP_NUM_THREADS`
    is set, as the server does for its workers, it has so many threads.

    Args:
        name: name of the artifact.
        backend: the distribution that the service requires, `onnxruntime` or `onnxruntime-gpu`.
        providers: execution providers in the order of preference, as ONNX Runtime takes them: names, or pairs of a name
            and a dict of options. None takes those of the chosen device: `BENTOML_DEVICE`, or `bento_server.device`.
        session_options: values by attribute of an `onnxruntime.SessionOptions`, such as `{"intra_op_num_threads": 2}`,
            or one itself. Where the number of threads stays at 0, it is set here.

    Raises:
        InvalidArgument: there is no such backend.
    """

    formats = (FileFormat("ONNX", (".onnx",)), FileFormat("ONNX with large weights", (".onnx", ".data")))

    def __init__(
        self,
        name: str,
        backend: str = "onnxruntime",
        providers: Sequence[str | tuple[str, dict[str, Any]]] | None = None,
        session_options: Any = None,
    ) -> None:
        super().__init__(name)
        if backend not in _BACKENDS:
            raise InvalidArgument(
                f"backend of OnnxModelArtifact '{name}' must be one of {', '.join(_BACKENDS)}, not {backend!r}"
            )
        self._backend = backend
        self._providers = None if providers is None else list(providers)
        self._session_options = session_options
        self._source = Path()

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take an `onnx.ModelProto`, or the path of a file, whose files with weights are beside it.

        Raises:
            InvalidArgument: it is something else, or no model is in the file, or files with weights are missing or
                elsewhere.
            MissingDependencyException: ONNX Runtime is not installed.
        """
        self._runtime()
        if isinstance(model, (str, os.PathLike)) and Path(model).is_file():
            source = Path(model).absolute()
        elif _is_proto(model):
            scratch = tempfile.mkdtemp(prefix="bentoml-onnx-")
            weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
            source = Path(scratch) / f"{self.name}.onnx"
            _write_proto(model, source, f"{self.name}.data")
        else:
            raise InvalidArgument(
                f"OnnxModelArtifact '{self.name}' takes an onnx.ModelProto or the path of an .onnx file, got "
                f"{repr(model)[:200]}"
            )
        try:
            check_model(source)
        except DamagedMessageError as error:
            raise InvalidArgument(f"OnnxModelArtifact '{self.name}': {source} is no ONNX model: {error}") from error
        except MisplacedWeightsError as error:
            raise InvalidArgument(
                f"OnnxModelArtifact '{self.name}': {error}; pack the path of a file with its weights beside it"
            ) from error
        self._source, self._model = source, None
        return self

    def get(self) -> Any:
        """The session; it is made on the first call after `pack`, and when the artifact is loaded."""
        if self._model is None:
            self._model = self._session()
        return self._model

    def load(self, path: str) -> Self:
        """Make the session.

        Raises:
            ArtifactLoadingException: the file is damaged, or not for the installed version; the device or a provider
                is not there.
        """
        file = self._existing(Path(path) / f"{self.name}.onnx")
        try:
            check_model(file)
        except (DamagedMessageError, MisplacedWeightsError) as error:
            raise ArtifactLoadingException(
                f"artifact '{self.name}': {file} can not be read: {error}; save the service again"
            ) from error
        self._source = file
        self._model = self._session()
        return self

    def save(self, dst: str) -> None:
        """Copy the file, and those with its weights into one."""
        copy_model(self._source, Path(dst) / f"{self.name}.onnx", Path(dst) / f"{self.name}.data")

    def facts(self) -> dict[str, Any]:
        """Class and version of the runtime, inputs, outputs, versions of the operators, and who made the model."""
        runtime = self._runtime()
        session = runtime.InferenceSession
        return {
            "class": f"{session.__module__}.{session.__qualname__}",
            "framework": "onnxruntime",
            "framework_version": runtime.__version__,
            **describe(mapped(self._source)),
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add ONNX Runtime when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages([self._backend])

    def _runtime(self) -> Any:
        """The module. It sends nothing to its makers, unless the user has said that it may.

        Its thread for that would also be missing in workers that are forked.
        """
        if _NO_TELEMETRY in os.environ or "onnxruntime" in sys.modules:
            return require("onnxruntime", self._backend)
        os.environ[_NO_TELEMETRY] = "1"  # read once, when the library is loaded
        try:
            return require("onnxruntime", self._backend)
        finally:
            del os.environ[_NO_TELEMETRY]

    def _session(self) -> Any:
        runtime = self._runtime()
        providers = self._providers or _providers_for(self.chosen_device())
        names = [provider if isinstance(provider, str) else provider[0] for provider in providers]
        there = runtime.get_available_providers()
        if missing := [name for name in names if name not in there]:
            hint = "; install onnxruntime-gpu instead of onnxruntime" if _CUDA in missing else ""
            raise ArtifactLoadingException(
                f"artifact '{self.name}': the installed onnxruntime has no {', '.join(missing)}, only "
                f"{', '.join(there)}{hint}"
            )
        options = self._options(runtime)
        errors = runtime.capi.onnxruntime_pybind11_state
        try:
            # By name, not by content: so weights in a file of their own can be mapped into memory.
            session = runtime.InferenceSession(str(self._source), options, providers=providers)
        except (errors.Fail, errors.RuntimeException) as error:
            advice = next((advice for words, advice in _ADVICE.items() if words in str(error)), None)
            if advice is None:
                raise
            raise ArtifactLoadingException(
                f"artifact '{self.name}': onnxruntime {runtime.__version__} can not run {self._source}; "
                f"{advice}: {error}"
            ) from error
        if names[0] not in session.get_providers():  # it has gone on without
            raise ArtifactLoadingException(
                f"artifact '{self.name}': onnxruntime could not start {names[0]}; its message above says why, such as "
                "a library of CUDA that is missing, or no such device"
            )
        return session

    def _options(self, runtime: Any) -> Any:
        given = self._session_options
        if given is None or isinstance(given, Mapping):
            options = runtime.SessionOptions()
            for key, value in (given or {}).items():
                if not hasattr(options, key):
                    raise InvalidArgument(f"session_options of '{self.name}': SessionOptions has no attribute {key!r}")
                setattr(options, key, value)
        else:
            options = given
        if options.intra_op_num_threads == 0:
            options.intra_op_num_threads = _thread_count()
        return options


def _is_proto(model: Any) -> bool:
    onnx = sys.modules.get("onnx")  # whoever has such an object has imported it
    return onnx is not None and isinstance(model, onnx.ModelProto)


def _write_proto(model: Any, file: Path, data_name: str) -> None:
    """Write a model, with its weights apart when it is larger than a message may be, which is 2 GiB."""
    onnx = require("onnx")
    try:
        content = model.SerializeToString()
    except (ValueError, require("google.protobuf.message").EncodeError):
        copy = type(model)()
        copy.CopyFrom(model)  # the library takes the weights out of the object that it saves
        for tensor in copy.graph.initializer:
            is_here = tensor.data_location != onnx.TensorProto.EXTERNAL
            if (
                is_here and not tensor.raw_data and tensor.data_type != onnx.TensorProto.STRING
            ):  # it takes raw bytes only
                tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
        onnx.save_model(copy, str(file), save_as_external_data=True, location=data_name)
    else:
        file.write_bytes(content)


def _providers_for(device: str) -> list[str | tuple[str, dict[str, Any]]]:
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return [_CPU]
    if kind == "cuda":
        # Operators that the GPU has not are run by the CPU.
        return [(_CUDA, {"device_id": int(number or 0)}), _CPU]
    raise ArtifactLoadingException(f"onnxruntime has cpu and cuda here, not the device {device}; or name providers=")


def _thread_count() -> int:
    """What `OMP_NUM_THREADS` says, though the runtime does not read it; 0 leaves it to the runtime."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() else 0
