"""Any Python object that can be pickled."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import BentoServiceArtifact, FileFormat

if TYPE_CHECKING:
    from types import ModuleType

    from typing_extensions import Self


class PickleArtifact(BentoServiceArtifact):
    """An object in a pickle, `<name>.pkl`.

    Args:
        name: name of the artifact.
        pickle_module: module with `dump` and `load`, or its dotted name; `cloudpickle` by default.
    """

    formats = (FileFormat("pickle", (".pkl",), runs_code=True),)

    def __init__(self, name: str, pickle_module: ModuleType | str = "cloudpickle") -> None:
        super().__init__(name)
        self._pickle_module = pickle_module
        self._object: Any = None

    def pack(self, obj: Any, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take any object; whether it can be pickled shows when it is saved."""
        self._object = obj
        return self

    def load(self, path: str) -> Self:
        """Read the object back; this runs code that the pickle names."""
        with self._file(path).open("rb") as file:
            self._object = self._module().load(file)
        return self

    def save(self, dst: str) -> None:
        """Write the pickle.

        Raises:
            InvalidArgument: the object can not be pickled.
        """
        with replaced_file(self._file(dst)) as path, path.open("wb") as file:
            try:
                self._module().dump(self._object, file)
            except (TypeError, AttributeError, self._pickling_error()) as error:
                raise InvalidArgument(
                    f"{type(self._object).__name__} in artifact '{self.name}' can not be pickled: {error}"
                ) from error

    def get(self) -> Any:
        """The object."""
        return self._object

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.pkl"

    def _module(self) -> Any:
        return require(self._pickle_module) if isinstance(self._pickle_module, str) else self._pickle_module

    @staticmethod
    def _pickling_error() -> type[Exception]:
        error: type[Exception] = importlib.import_module("pickle").PicklingError
        return error
