"""Models of Core ML."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_directory, write_atomic
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

# Names of `coremltools.ComputeUnit`, by device.
_UNITS = {"cpu": "CPU_ONLY", "mps": "ALL"}


class CoreMLModelArtifact(ModelArtifact):
    """A `coremltools.models.MLModel` in a file, `<name>.mlmodel`, or an ML program in a directory, `<name>.mlpackage/`.

    It is packed, saved and loaded everywhere; Core ML itself, and so `predict`, is on macOS only. It runs on the CPU by
    default; with the device `mps`, in `BENTOML_DEVICE` or `bento_server.device`, on all that the machine has.
    """

    formats = (FileFormat("network", (".mlmodel",)), FileFormat("ML program", (".mlpackage/",)))

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a `coremltools.models.MLModel`.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: coremltools is not installed.
        """
        if not isinstance(model, _coremltools().models.MLModel):
            raise InvalidArgument(
                f"CoreMLModelArtifact '{self.name}' takes a coremltools.models.MLModel, got {type(model)}"
            )
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the model; on macOS, it is compiled.

        Raises:
            ArtifactLoadingException: there is no such device, or the file is damaged.
        """
        coremltools = _coremltools()
        device = self.chosen_device()
        if device not in _UNITS:
            raise ArtifactLoadingException(
                f"artifact '{self.name}': Core ML has the devices {' and '.join(_UNITS)}, not {device}"
            )
        package = self._package(path)
        file = package if package.is_dir() else self._existing(self._file(path))
        model = coremltools.models.MLModel(str(file), compute_units=coremltools.ComputeUnit[_UNITS[device]])
        if model.get_spec().WhichOneof("Type") is None:
            raise ArtifactLoadingException(
                f"artifact '{self.name}': there is no model in {file}; save the service again"
            )
        self._model = model
        return self

    def save(self, dst: str) -> None:
        """Write the file, or the directory."""
        file, package = self._file(dst), self._package(dst)
        if not self._model.is_package:
            write_atomic(file, self._model.get_spec().SerializeToString())
            shutil.rmtree(package, ignore_errors=True)
            return
        with replaced_directory(package) as directory, tempfile.TemporaryDirectory(dir=dst) as scratch:
            written = Path(scratch, package.name)  # of another name it is refused
            self._model.save(str(written))
            for part in written.iterdir():
                part.rename(directory / part.name)
        file.unlink(missing_ok=True)

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, kind of the model, and its inputs and outputs."""
        spec = self._model.get_spec()
        return {
            **super().facts(),
            "kind": spec.WhichOneof("Type"),
            "specification_version": spec.specificationVersion,
            "input_signature": [_described(feature) for feature in spec.description.input],
            "output_signature": [_described(feature) for feature in spec.description.output],
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add coremltools when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["coremltools"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.mlmodel"

    def _package(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.mlpackage"


def _coremltools() -> Any:
    return require("coremltools")


def _described(feature: Any) -> dict[str, Any]:
    """An input or output of a model; the kind of those that are no arrays, such as `imageType`, is their dtype."""
    kind = feature.type.WhichOneof("Type")
    described = {"name": feature.name, "dtype": kind and kind.removesuffix("Type"), "shape": None}
    if kind == "multiArrayType":
        array = feature.type.multiArrayType
        described["dtype"] = array.ArrayDataType.Name(array.dataType).lower().replace("double", "float64")
        described["shape"] = list(array.shape) or None
    elif kind == "imageType":
        described["shape"] = [feature.type.imageType.height, feature.type.imageType.width]
    return described
