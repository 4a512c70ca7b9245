"""Anything JSON can express."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import write_atomic
from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import BentoServiceArtifact

if TYPE_CHECKING:
    from types import ModuleType

    from typing_extensions import Self

_PLAIN_JSON_MODULES = frozenset({"json", "orjson", "rapidjson", "simplejson", "ujson"})


class JSONArtifact(BentoServiceArtifact):
    """A value in a JSON file, `<name>.json`.

    Args:
        name: name of the artifact.
        encoding: encoding of the file.
        json_module: module with `dumps` and `loads`, or its dotted name; the standard library's by default.
    """

    def __init__(self, name: str, encoding: str = "utf-8", json_module: ModuleType | str | None = None) -> None:
        super().__init__(name)
        self._encoding = encoding
        self._json_module = json_module
        self._content: Any = None
        self._dumps_arguments: dict[str, Any] = {}

    @property
    def carries_pickle(self) -> bool:
        """No for modules that are known to read plain JSON; others, such as jsonpickle, may do anything."""
        module = self._json_module
        name = module if module is None or isinstance(module, str) else module.__name__
        return name is not None and name not in _PLAIN_JSON_MODULES

    def pack(self, content: Any, metadata: dict[str, Any] | None = None, **json_dumps_kwargs: Any) -> Self:  # noqa: ARG002 - kept by the base
        """Take a value.

        Args:
            content: the value.
            metadata: kept beside the file.
            json_dumps_kwargs: passed to `dumps` when the file is written.

        Raises:
            InvalidArgument: JSON can not express it.
        """
        self._encode(content, json_dumps_kwargs)
        self._content = content
        self._dumps_arguments = json_dumps_kwargs
        return self

    def load(self, path: str) -> Self:
        """Read the value.

        Raises:
            ArtifactLoadingException: the file is not JSON in the given encoding.
        """
        file = self._file(path)
        try:
            self._content = self._module().loads(file.read_bytes().decode(self._encoding))
        except ValueError as error:
            raise ArtifactLoadingException(
                f"artifact '{self.name}': {file} can not be read as JSON: {error}"
            ) from error
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        write_atomic(self._file(dst), self._encode(self._content, self._dumps_arguments))

    def get(self) -> Any:
        """The value."""
        return self._content

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}.json"

    def _encode(self, content: Any, arguments: dict[str, Any]) -> bytes:
        try:
            text: str = self._module().dumps(content, **arguments)
            return text.encode(self._encoding)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgument(f"artifact '{self.name}' can not be written as JSON: {error}") from error

    def _module(self) -> Any:
        if self._json_module is None:
            return json
        return require(self._json_module) if isinstance(self._json_module, str) else self._json_module
