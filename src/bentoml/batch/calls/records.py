"""The single records of a piece of text."""

from __future__ import annotations

import io
from itertools import chain, pairwise
from typing import Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.text_input import decode_text
from bentoml.adapters.wire.json_text import parse_json
from bentoml.batch.sources.piece import CutSize
from bentoml.batch.sources.text_cuts import cuts


def csv_records(content: bytes) -> list[bytes]:
    """The records of CSV without its header, with their line ends; blank lines are left out."""
    ends = cuts(io.BytesIO(content), 0, len(content), CutSize(max_bytes=1), is_csv=True)
    parts = [content[start:end] for start, end in pairwise(chain([0], ends))]
    return [part if part.endswith(b"\n") else part + b"\n" for part in parts if part.strip()]


def json_records(content: bytes) -> list[bytes]:
    """The lines that are not blank."""
    return [line for line in content.split(b"\n") if line.strip()]


def json_value(line: bytes) -> Any:
    """The value of a line, or an `InputError` that says why it has none."""
    try:
        return parse_json(decode_text(line, None))
    except InputError as error:
        return error
    except ValueError as error:
        return InputError(f"not valid JSON: {error}")
