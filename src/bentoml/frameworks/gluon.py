"""Blocks of MXNet's Gluon."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument, MissingDependencyException
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv


class GluonModelArtifact(ModelArtifact):
    """A block in two files of MXNet's own, `<name>-symbol.json` and `<name>-0000.params`, which hold no code.

    The service gets it as an `mxnet.gluon.SymbolBlock` on the chosen device: `BENTOML_DEVICE`, or
    `bento_server.device`. MXNet is retired: its last version, 1.9.1, needs Python 3.10 or 3.11 and NumPy before 1.24.
    """

    formats = (FileFormat("symbols and weights", ("-symbol.json", "-0000.params")),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take an `mxnet.gluon.HybridBlock` that was hybridized and has been called once.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: MXNet is not installed, or can not be imported with the NumPy that is.
        """
        if not isinstance(model, _mxnet().gluon.HybridBlock):
            raise InvalidArgument(
                f"GluonModelArtifact '{self.name}' takes an mxnet.gluon.HybridBlock, got {type(model)}"
            )
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the block.

        Raises:
            ArtifactLoadingException: the device is not there.
        """
        mxnet = _mxnet()
        symbols, parameters = (self._existing(Path(path) / name) for name in self._names())
        known = {name.partition(":")[2] for name in mxnet.nd.load(str(parameters))}
        inputs = [name for name in mxnet.sym.load(str(symbols)).list_inputs() if name not in known]
        with warnings.catch_warnings():
            # The type of an input is not in the file, and nothing is amiss.
            warnings.filterwarnings("ignore", "Cannot decide type", UserWarning)
            self._model = mxnet.gluon.SymbolBlock.imports(str(symbols), inputs, str(parameters), self._context(mxnet))
        return self

    def save(self, dst: str) -> None:
        """Write the files.

        Raises:
            InvalidArgument: the block was not hybridized, or not called since.
        """
        with tempfile.TemporaryDirectory(dir=dst, prefix=f".{self.name}.") as scratch:
            try:
                self._model.export(str(Path(scratch) / self.name))
            except RuntimeError as error:
                raise InvalidArgument(
                    f"GluonModelArtifact '{self.name}': call hybridize() of the block, then the block itself with some "
                    f"input, so that MXNet knows what it computes; it says: {error}"
                ) from error
            symbols, parameters = (Path(scratch) / name for name in self._names())
            self._write_parameters(symbols, parameters)
            for file in (symbols, parameters):
                file.replace(Path(dst) / file.name)

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, and the number of parameters, where they have been made."""
        facts = super().facts()
        try:
            sizes = [int(parameter.data().size) for parameter in self._model.collect_params().values()]
        except RuntimeError:  # they are made when the block is first called
            return facts
        return {**facts, "parameters": sum(sizes)}

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add MXNet when requirements are inferred, and the NumPy that it works with."""
        if env._infer_pip_packages:
            env.add_pip_packages(["mxnet", "numpy"])

    def _write_parameters(self, symbols: Path, parameters: Path) -> None:
        """Write all of them: of a block that was read from files and never called, MXNet exports none."""
        mxnet = _mxnet()
        symbol = mxnet.sym.load(str(symbols))
        names, auxiliary = set(symbol.list_inputs()), set(symbol.list_auxiliary_states())
        values = {
            f"{'aux' if name in auxiliary else 'arg'}:{name}": parameter.data().as_in_context(mxnet.cpu())
            for name, parameter in self._model.collect_params().items()
            if name in names
        }
        mxnet.nd.save(str(parameters), values)

    def _names(self) -> tuple[str, str]:
        return f"{self.name}-symbol.json", f"{self.name}-0000.params"

    def _context(self, mxnet: Any) -> Any:
        kind, _, number = self.chosen_device().partition(":")
        if kind == "cpu":
            return mxnet.cpu()
        there = mxnet.context.num_gpus()
        if kind != "cuda" or int(number or 0) >= there:
            raise ArtifactLoadingException(
                f"artifact '{self.name}': MXNet has cpu and {there} GPUs (cuda:N) here, not {self.chosen_device()}"
            )
        return mxnet.gpu(int(number or 0))


def _mxnet() -> Any:
    try:
        return require("mxnet")
    except AttributeError as error:  # it uses numpy.bool
        raise MissingDependencyException(
            "MXNet can not be imported with the NumPy that is installed; run: pip install 'numpy<1.24'"
        ) from error
