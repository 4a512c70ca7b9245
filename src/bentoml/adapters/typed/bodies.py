"""What tasks hold until their values are made, where that is not JSON text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from bentoml._util.multipart import FormPart

# A larger body is not worth parsing for a record; in multiples of the values that may be written.
_MAX_RECORDED = 64


@dataclass(frozen=True)
class PackedBody:
    """A body of MessagePack."""

    content: bytes

    def log_record(self, max_values: int) -> Any:
        """The same value, for a record of predictions; None when it is too large.

        Raises:
            ValueError: it is no MessagePack.
        """
        return None if len(self.content) > _MAX_RECORDED * max_values else msgspec.msgpack.decode(self.content)


@dataclass(frozen=True)
class FormBody:
    """The fields of a form."""

    parts: list[FormPart]

    def log_record(self, max_values: int) -> Any:
        """The fields by name, for a record of predictions; of files their names and sizes. None when they are large.

        Fields are parsed where they are JSON, so that what is secret can be found in them.
        """
        if sum(len(part.content) for part in self.parts if part.file_name is None) > _MAX_RECORDED * max_values:
            return None
        record: dict[str, list[Any]] = {}
        for part in self.parts:
            record.setdefault(part.name, []).append(_recorded(part))
        return {name: values[0] if len(values) == 1 else values for name, values in record.items()}


def _recorded(part: FormPart) -> Any:
    if part.file_name is not None:
        return {"name": part.file_name, "bytes": len(part.content)}
    try:
        text = part.content.decode()
    except UnicodeDecodeError:
        return {"bytes": len(part.content)}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
