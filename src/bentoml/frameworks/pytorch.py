"""Modules of PyTorch and PyTorch Lightning."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bentoml._models.exported_program import inputs_of, read_program, write_program
from bentoml._models.lightning_module import is_lightning_module
from bentoml._models.rebuilt_module import arguments_that_rebuild, read_module, write_module
from bentoml._models.torch_device import torch_device
from bentoml._models.torch_facts import torch_facts
from bentoml._models.torch_pickle import read_pickled_module, write_pickled
from bentoml._models.torchscript_file import is_torchscript, only_computes, read_torchscript, script_only_computes
from bentoml._util.files import replaced_file
from bentoml._util.optional import installed_distribution, require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_PROGRAM = ".pt2"
_TORCHSCRIPT = FileFormat("TorchScript", (".pt",), runs_code="it does more than compute")


class _TorchArtifact(ModelArtifact):
    @property
    def _described(self) -> str:
        return f"{type(self).__name__} '{self.name}'"

    def _file(self, directory: str, extension: str = ".pt") -> Path:
        return Path(directory) / f"{self.name}{extension}"


class PytorchModelArtifact(_TorchArtifact):
    """A module of PyTorch. It is loaded for inference, `eval()`, onto the chosen device.

    What is written depends on `format` and on what is packed:

    - None and a `torch.nn.Module`: a pickle by cloudpickle, `<name>.pt`, whose tensors are mapped into memory on load.
    - None and a `torch.jit.ScriptModule`: TorchScript, `<name>.pt`.
    - `safetensors`: the weights of a module, mapped into memory, `<name>.safetensors`, and `<name>.json`, which says
      with what arguments the architecture is made.
    - `export`, or None and a `torch.export.ExportedProgram`: `<name>.pt2`. PyTorch reads it with the help of pickles.

    Args:
        name: of the artifact.
        file_extension: of the pickle, or of TorchScript.
        format: `safetensors`, `export`, or None.
        architecture: for `safetensors`: a class or function that makes the module, which then gets the weights.

    Raises:
        InvalidArgument: there is no such format, or `safetensors` without an architecture or the other way round.
    """

    formats = (
        FileFormat("pickle", (".pt",), runs_code=True),
        _TORCHSCRIPT,
        FileFormat("safetensors", (".safetensors", ".json")),
        FileFormat("exported program", (_PROGRAM,), runs_code=True),
    )

    def __init__(
        self,
        name: str,
        file_extension: str = ".pt",
        *,
        format: Literal["safetensors", "export"] | None = None,  # noqa: A002 - reads well where it is given
        architecture: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(name)
        if format not in {None, "safetensors", "export"}:
            raise InvalidArgument(f"{self._described}: format must be 'safetensors', 'export' or None, not {format!r}")
        if (architecture is None) == (format == "safetensors"):
            raise InvalidArgument(
                f"{self._described}: format='safetensors' and architecture=, a class or function that makes the "
                "module, belong together"
            )
        if file_extension == _PROGRAM:
            raise InvalidArgument(f"{self._described}: file_extension {_PROGRAM} is that of exported programs")
        self._extension = file_extension
        self._format = format
        self._architecture: Callable[..., Any] = architecture or object
        self._arguments: dict[str, Any] = {}
        self._program: Any = None

    @property
    def carries_pickle(self) -> bool:
        """Pickles and exported programs do, and TorchScript that does more than compute; safetensors does not."""
        if self._format == "safetensors":
            return False
        is_script = self._program is None and self._model is not None and _is_script(self._model)
        return not is_script or not script_only_computes(self._model)

    def has_pickle_in(self, directory: str) -> bool:
        """The same for files that have not been loaded."""
        if self._format == "safetensors":
            return False
        return self._has_program(directory) or not only_computes(self._file(directory, self._extension))

    def pack(
        self,
        model: Any,
        metadata: dict[str, Any] | None = None,  # noqa: ARG002 - kept by the base
        *,
        arguments: dict[str, Any] | None = None,
    ) -> Self:
        """Take a module or an exported program.

        Args:
            model: a `torch.nn.Module`, also as TorchScript, or a `torch.export.ExportedProgram`.
            metadata: see the base.
            arguments: for `safetensors`: keyword arguments of the architecture, as JSON can express them.

        Raises:
            InvalidArgument: it is something else, or not what the format takes; or the architecture makes another
                module.
            MissingDependencyException: PyTorch is not installed, or safetensors where that is the format.
        """
        torch = require("torch")
        is_program = isinstance(model, torch.export.ExportedProgram)
        if self._format == "safetensors":
            self._arguments = self._rebuilding_arguments(model, arguments or {})
        elif arguments is not None:
            raise InvalidArgument(f"{self._described}: arguments need format='safetensors'")
        elif not is_program and (self._format == "export" or not isinstance(model, torch.nn.Module)):
            wanted = "an ExportedProgram, which torch.export.export makes of a module"
            wanted = wanted if self._format == "export" else f"a torch.nn.Module or {wanted}"
            raise InvalidArgument(f"{self._described} takes {wanted}, got {type(model)}")
        self._program = model if is_program else None
        self._model = model.module() if is_program else model
        return self

    def load(self, path: str) -> Self:
        """Read the module; from a pickle or an exported program this runs code that the file names.

        Raises:
            ArtifactLoadingException: the machine lacks the chosen device, or the files hold something else.
        """
        device = torch_device(self.chosen_device())
        self._program = None
        if self._has_program(path):
            self._program = read_program(self._existing(self._file(path, _PROGRAM)), device)
            self._model = self._program.module()
            return self  # it is as it was exported, and knows no modes
        if self._format == "safetensors":
            module, self._arguments = read_module(*self._weight_files(path), self._architecture, device)
        else:
            file = self._existing(self._file(path, self._extension))
            module = read_torchscript(file, device) if is_torchscript(file) else read_pickled_module(file, device)
        self._model = module.eval()
        return self

    def save(self, dst: str) -> None:
        """Write the files.

        Raises:
            InvalidArgument: the module can not be pickled, or safetensors can not hold its weights.
        """
        try:
            if self._format == "safetensors":
                write_module(*self._weight_files(dst), self._model, self._arguments)
            else:
                self._write_one_file(dst)
        except (AttributeError, TypeError, ValueError, pickle.PicklingError) as error:
            raise InvalidArgument(f"{self._described}: {type(self._model)} can not be written: {error}") from error

    def facts(self) -> dict[str, Any]:
        """Class, version of PyTorch, number and types of the weights, and the inputs of an exported program."""
        program = self._program
        return {**torch_facts(program), "input_signature": inputs_of(program)} if program else torch_facts(self._model)

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add PyTorch, and safetensors where that is the format, when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["torch", "safetensors"] if self._format == "safetensors" else ["torch"])

    def _has_program(self, directory: str) -> bool:
        return self._format == "export" or (self._format is None and self._file(directory, _PROGRAM).is_file())

    def _write_one_file(self, dst: str) -> None:
        written, other = self._file(dst, self._extension), self._file(dst, _PROGRAM)
        if self._program is not None:
            written, other = other, written
        with replaced_file(written) as file:
            if self._program is not None:
                write_program(self._program, file)
            elif _is_script(self._model):
                require("torch").jit.save(self._model, str(file))
            else:
                write_pickled(self._model, file)
        other.unlink(missing_ok=True)  # of what was saved here before

    def _rebuilding_arguments(self, model: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as they will come back, after they were tried."""
        require("safetensors.torch", "safetensors")
        if not isinstance(model, require("torch").nn.Module) or _is_script(model):
            raise InvalidArgument(
                f"{self._described} with format='safetensors' takes a torch.nn.Module, got {type(model)}"
            )
        try:
            return arguments_that_rebuild(self._architecture, arguments, model)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(
                f"{self._described}: the architecture does not make the {type(model)} that was packed: {error}; "
                "give the architecture and the arguments that it was made with, or leave format out"
            ) from error

    def _weight_files(self, directory: str) -> tuple[Path, Path]:
        return self._file(directory, ".safetensors"), self._file(directory, ".json")


class PytorchLightningModelArtifact(_TorchArtifact):
    """A module of PyTorch Lightning as TorchScript, `<name>.pt`; the service gets a `torch.jit.ScriptModule`.

    It is loaded for inference onto the chosen device. Lightning itself is needed only to pack.
    """

    formats = (_TORCHSCRIPT,)

    @property
    def carries_pickle(self) -> bool:
        """False, unless the program does more than compute."""
        return self._model is None or not script_only_computes(self._model)

    def has_pickle_in(self, directory: str) -> bool:
        """The same for a file that has not been loaded."""
        return not only_computes(self._file(directory))

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a module, or the path of a file of TorchScript.

        Args:
            model: a `LightningModule` of `lightning.pytorch` or `pytorch_lightning`, whose `to_torchscript` is called.
            metadata: see the base.

        Raises:
            InvalidArgument: it is something else, or can not be made TorchScript.
            MissingDependencyException: PyTorch or PyTorch Lightning is not installed.
        """
        torch = require("torch")
        if isinstance(model, (str, os.PathLike)):
            file = Path(model)
            if not file.is_file() or not is_torchscript(file):
                raise InvalidArgument(f"{self._described}: {file} is no file of TorchScript")
            self._model = read_torchscript(file, torch.device("cpu"))
        elif is_lightning_module(model):
            self._model = self._scripted(model)
        else:
            raise InvalidArgument(f"{self._described} takes a LightningModule or the path of a file, got {type(model)}")
        return self

    def load(self, path: str) -> Self:
        """Read the program.

        Raises:
            ArtifactLoadingException: the machine lacks the chosen device, or PyTorch can not read the file.
        """
        self._model = read_torchscript(self._existing(self._file(path)), torch_device(self.chosen_device()))
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        with replaced_file(self._file(dst)) as file:
            require("torch").jit.save(self._model, str(file))

    def facts(self) -> dict[str, Any]:
        """Class, version of PyTorch, number and types of the weights."""
        return torch_facts(self._model)

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add PyTorch Lightning always, and PyTorch when requirements are inferred."""
        env.add_pip_packages([installed_distribution("pytorch-lightning", "lightning")])
        if env._infer_pip_packages:
            env.add_pip_packages(["torch"])

    def _scripted(self, model: Any) -> Any:
        not_scripted = require("torch").jit.frontend.FrontendError
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "`LightningModule.to_torchscript` has been deprecated")
                return model.to_torchscript()  # Lightning 2.8 will not have it
        except (not_scripted, AttributeError, RuntimeError, TypeError, ValueError) as error:
            raise InvalidArgument(
                f"{self._described}: {type(model).__name__} can not be made TorchScript: {error}; make a file of it "
                "with torch.jit.trace(model, example).save(path) and pack the path, or use PytorchModelArtifact"
            ) from error


def _is_script(model: Any) -> bool:
    return isinstance(model, require("torch").jit.ScriptModule)
