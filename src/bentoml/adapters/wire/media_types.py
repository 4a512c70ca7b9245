"""Names of the formats that bodies come in, and which one a request or a file has."""

from __future__ import annotations

from bentoml._util.multipart import FORM_CONTENT_TYPE

__all__ = [
    "ARROW_FILE",
    "ARROW_STREAM",
    "BINARY",
    "CSV",
    "FORM_CONTENT_TYPE",
    "JSON",
    "MSGPACK",
    "NPY",
    "PARQUET",
    "TEXT",
]

JSON = "application/json"
CSV = "text/csv"
TEXT = "text/plain"
BINARY = "application/octet-stream"
# As registered with IANA.
ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"
MSGPACK = "application/vnd.msgpack"
# The format of `numpy.save` has no registered name.
NPY = "application/x-npy"

# Other names under which clients send them.
_ALIASES = {
    "text/json": JSON,
    "application/csv": CSV,
    "text/x-csv": CSV,
    "application/x-parquet": PARQUET,
    "application/parquet": PARQUET,
    "application/msgpack": MSGPACK,
    "application/x-msgpack": MSGPACK,
    "application/npy": NPY,
    "application/x-numpy": NPY,
}
_BY_EXTENSION = {
    ".json": JSON,
    ".csv": CSV,
    ".arrow": ARROW_FILE,
    ".arrows": ARROW_STREAM,
    ".feather": ARROW_FILE,
    ".parquet": PARQUET,
    ".npy": NPY,
    ".msgpack": MSGPACK,
}


def canonical(content_type: str) -> str:
    """The name used here for a media type.

    Args:
        content_type: lower case, without parameters.
    """
    return _ALIASES.get(content_type, content_type)


def type_of_file(file_name: str) -> str | None:
    """The format that the extension of a file name stands for; None when it is none of these."""
    _, dot, extension = file_name.lower().rpartition(".")
    return _BY_EXTENSION.get(dot + extension)
