"""A text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import write_atomic
from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.service.artifacts.base import BentoServiceArtifact

if TYPE_CHECKING:
    from typing_extensions import Self


class TextFileArtifact(BentoServiceArtifact):
    """A str in a file, `<name>.txt`; line ends are kept as they are.

    Args:
        name: name of the artifact.
        file_extension: ending of the file name.
        encoding: encoding of the file.

    Raises:
        InvalidArgument: the extension would lead out of the directory.
    """

    carries_pickle = False

    def __init__(self, name: str, file_extension: str = ".txt", encoding: str = "utf-8") -> None:
        super().__init__(name)
        if "/" in file_extension or "\\" in file_extension or not file_extension.isprintable():
            raise InvalidArgument(f"{file_extension!r} can not be the extension of a file")
        self._file_extension = file_extension
        self._encoding = encoding
        self._content: str = ""

    def pack(self, content: str, metadata: dict[str, Any] | None = None) -> Self:  # noqa: ARG002 - kept by the base
        """Take a text.

        Raises:
            InvalidArgument: it is not a str, or the encoding can not express it.
        """
        self._encode(content)
        self._content = content
        return self

    def load(self, path: str) -> Self:
        """Read the text.

        Raises:
            ArtifactLoadingException: the file is not text in the given encoding.
        """
        file = self._file(path)
        try:
            self._content = file.read_bytes().decode(self._encoding)
        except UnicodeDecodeError as error:
            raise ArtifactLoadingException(f"artifact '{self.name}': {file} can not be read: {error}") from error
        return self

    def save(self, dst: str) -> None:
        """Write the file."""
        write_atomic(self._file(dst), self._encode(self._content))

    def get(self) -> str:
        """The text."""
        return self._content

    def _file(self, directory: str) -> Path:
        return Path(directory) / f"{self.name}{self._file_extension}"

    def _metadata_path(self, directory: str) -> Path:
        if self._file_extension == ".yml":
            return Path(directory) / f"{self.name}.metadata.yml"
        return super()._metadata_path(directory)

    def _encode(self, content: object) -> bytes:
        if not isinstance(content, str):
            raise InvalidArgument(f"artifact '{self.name}' takes a str, got {type(content).__name__}")
        try:
            return content.encode(self._encoding)
        except UnicodeEncodeError as error:
            raise InvalidArgument(f"artifact '{self.name}' can not be written: {error}") from error
