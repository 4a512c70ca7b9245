"""Models of LightGBM."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import MOST_FEATURE_NAMES, FileFormat, ModelArtifact

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

_SIZES = re.compile(rb"^tree_sizes=([\d ]*)\n", re.MULTILINE)
_FIRST_TREE, _END, _LAST_LINE = b"\nTree=0\n", b"end of trees", b"pandas_categorical:"


class LightGBMModelArtifact(ModelArtifact):
    """A booster in LightGBM's own text file, `<name>.txt`, which holds no code.

    Of a booster that stopped early, the trees up to its best iteration are kept: those that it predicts with.
    """

    formats = (FileFormat("text", (".txt",)),)

    def pack(self, model: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a `lightgbm.Booster`.

        Raises:
            InvalidArgument: it is something else.
            MissingDependencyException: LightGBM is not installed.
        """
        if not isinstance(model, _lightgbm().Booster):
            hint = "; pack model.booster_" if hasattr(type(model), "booster_") else ""
            raise InvalidArgument(
                f"LightGBMModelArtifact '{self.name}' takes a lightgbm.Booster, got {type(model)}{hint}"
            )
        self._model = model
        return self

    def load(self, path: str) -> Self:
        """Read the booster.

        Raises:
            ArtifactLoadingException: the file is damaged.
        """
        lightgbm = _lightgbm()
        file = self._file(path)
        content = file.read_bytes()
        if not _is_whole(content):  # LightGBM would take the trees that are left, or read beyond its memory
            raise ArtifactLoadingException(f"artifact '{self.name}': {file} is not whole; save the service again")
        # With the sizes of the trees LightGBM reads these in threads, and a fault in a thread ends the process.
        self._model = lightgbm.Booster(model_str=_SIZES.sub(b"", content, count=1).decode())
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        with replaced_file(self._file(dst)) as path:
            self._model.save_model(str(path))

    def facts(self) -> dict[str, Any]:
        """Class, version of the library, number of trees, and the features."""
        return {
            **super().facts(),
            "input_signature": [{"name": None, "dtype": "float64", "shape": [None, self._model.num_feature()]}],
            "feature_names": self._model.feature_name()[:MOST_FEATURE_NAMES],
            "trees": self._model.num_trees(),
        }

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Add LightGBM when requirements are inferred."""
        if env._infer_pip_packages:
            env.add_pip_packages(["lightgbm"])

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.txt"


def _is_whole(content: bytes) -> bool:
    """Whether the last line is there, and the trees end where their sizes say; old versions wrote no sizes."""
    if not content.rstrip().rpartition(b"\n")[2].startswith(_LAST_LINE):
        return False
    sizes = _SIZES.search(content)
    if sizes is None:
        return _END in content
    first = content.find(_FIRST_TREE, sizes.end() - 1)
    begin = sizes.end() if first < 0 else first + 1
    return content[begin + sum(map(int, sizes[1].split())) :].lstrip().startswith(_END)


def _lightgbm() -> Any:
    return require("lightgbm")
