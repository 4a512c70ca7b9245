"""Models of PaddlePaddle."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._models.paddle_files import count_parameters, read_program
from bentoml._util.files import replaced_file
from bentoml._util.optional import installed_distribution, require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import FileFormat, ModelArtifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_PROGRAM, _OLD_PROGRAM, _PARAMETERS = "json", "pdmodel", "pdiparams"
# For the predictor of a GPU to start with; it takes more when it needs more.
_GPU_MEMORY_MIB = 100


class PaddlePaddleModelArtifact(ModelArtifact):
    """A layer as a program of `paddle.jit`, `<name>.json` and `<name>.pdiparams`, which runs in a predictor.

    The program is operations on arrays, without Python. Programs of Paddle 2, `<name>.pdmodel`, are read, too.

    Args:
        name: name of the artifact.
        input_spec: what the layer is called with, a `paddle.static.InputSpec` each; sizes that are left open are None.
            Not needed for a layer that `paddle.jit.to_static` was told.
    """

    formats = (
        FileFormat("program", (".json", ".pdiparams")),
        FileFormat("program of Paddle 2", (".pdmodel", ".pdiparams"), runs_code=True),
    )

    def __init__(self, name: str, *, input_spec: Sequence[Any] | None = None) -> None:
        super().__init__(name)
        self._input_spec = None if input_spec is None else list(input_spec)
        self._source = Path()

    @property
    def carries_pickle(self) -> bool:
        """Whether the program is of Paddle 2: such a file is not looked at, and can reach files and Python."""
        return self.has_pickle_in(str(self._source))

    def has_pickle_in(self, directory: str) -> bool:
        """The same for files that have not been loaded."""
        return not self._file(directory, _PROGRAM).exists() and self._file(directory, _OLD_PROGRAM).exists()

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a `paddle.nn.Layer`, or what `paddle.jit.load` gives, and make a program of it for inference.

        Raises:
            InvalidArgument: it is something else, or there is no program, as without knowing what it is called with.
            MissingDependencyException: PaddlePaddle is not installed.
        """
        paddle = _paddle()
        if not isinstance(model, paddle.nn.Layer):
            hint = "; pack model.network" if isinstance(model, paddle.Model) else ""
            raise InvalidArgument(
                f"PaddlePaddleModelArtifact '{self.name}' takes a paddle.nn.Layer, got {type(model)}{hint}"
            )
        files = tempfile.mkdtemp(prefix="bentoml-paddle-")
        weakref.finalize(self, shutil.rmtree, files, ignore_errors=True)
        spec = self._input_spec
        if spec is None and hasattr(model, "_input_spec"):  # was loaded, and knows
            spec = model._input_spec()
        try:
            paddle.jit.save(model, str(Path(files, self.name)), input_spec=spec)
        except ValueError as error:
            raise InvalidArgument(
                f"PaddlePaddleModelArtifact '{self.name}' can make no program of {type(model)}; say what it is called "
                f"with: input_spec=[paddle.static.InputSpec([None, 64], 'float32')] of the artifact, or "
                f"paddle.jit.to_static(layer, input_spec=[...], full_graph=True): {error}"
            ) from error
        self._model = self._predictor(files, "cpu")
        self._source = Path(files)
        return self

    def load(self, path: str) -> Self:
        """Read the program, and make a predictor for the chosen device.

        Raises:
            ArtifactLoadingException: a file is not whole, the program reaches what is outside of it, or there is no
                such device.
        """
        self._model = self._predictor(path, self.chosen_device())
        self._source = Path(path)
        return self

    def save(self, dst: str) -> None:
        """Write the files."""
        for kind in (_PROGRAM, _OLD_PROGRAM, _PARAMETERS):
            source, target = self._file(self._source, kind), self._file(dst, kind)
            if not source.exists():
                target.unlink(missing_ok=True)
                continue
            with replaced_file(target) as temporary:
                shutil.copyfile(source, temporary)

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, inputs, and the number of parameters with the statistics that layers keep."""
        program = self._file(self._source, _PROGRAM)
        names = [{"name": name, "dtype": None, "shape": None} for name in self._model.get_input_names()]
        return {
            **super().facts(),
            "input_signature": read_program(program).inputs if program.exists() else names,
            "parameters": count_parameters(self._file(self._source, _PARAMETERS)),
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add PaddlePaddle when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages([installed_distribution("paddlepaddle", "paddlepaddle-gpu")])

    def _file(self, directory: str | Path, kind: str) -> Path:
        return Path(directory) / f"{self.name}.{kind}"

    def _predictor(self, directory: str, device: str) -> Any:
        paddle = _paddle()
        program, parameters = self._file(directory, _PROGRAM), self._file(directory, _PARAMETERS)
        if self.has_pickle_in(directory):
            program = self._existing(self._file(directory, _OLD_PROGRAM))
        elif outward := read_program(program).outward:
            raise ArtifactLoadingException(
                f"artifact '{self.name}': the program in {program} reaches files or Python: {', '.join(outward)}"
            )
        count_parameters(parameters)
        inference = require("paddle.inference", "paddlepaddle")
        config = inference.Config(str(program), str(parameters))
        config.disable_glog_info()
        if device == "cpu":
            config.disable_gpu()
        else:
            config.enable_use_gpu(_GPU_MEMORY_MIB, self._gpu(paddle, device))
        return inference.create_predictor(config)

    def _gpu(self, paddle: Any, device: str) -> int:
        """Number of a GPU.

        Raises:
            ArtifactLoadingException: there is no such GPU.
        """
        number = int(device.partition(":")[2] or 0)
        count = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
        if number >= count:
            there = ", ".join(["cpu", *(f"cuda:{other}" for other in range(count))])
            raise ArtifactLoadingException(
                f"artifact '{self.name}': Paddle has no device {device}, only {there}; choose one of these by "
                "BENTOML_DEVICE, or install Paddle for GPUs: pip install paddlepaddle-gpu"
            )
        return number


def _paddle() -> Any:
    return require("paddle", "paddlepaddle")
