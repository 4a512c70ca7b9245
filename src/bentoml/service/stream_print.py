"""What a generator yields, on the terminal."""

from __future__ import annotations

import codecs
import sys
from typing import TYPE_CHECKING, Any

from bentoml.service.stream_run import StreamBrokenError
from bentoml.types import InferenceResult

if TYPE_CHECKING:
    from bentoml.adapters.base import BaseOutputAdapter
    from bentoml.service.stream_run import OpenStream

BROKEN_EXIT_CODE = 1


async def print_stream(opened: OpenStream | InferenceResult[Any], output_adapter: BaseOutputAdapter) -> int:
    """Write pieces to stdout as they come, and a line end after the last one when it has none; errors to stderr.

    Args:
        opened: an answer that has begun; or a whole one, which `output_adapter` writes.
        output_adapter: that of the API.

    Returns:
        The exit code.
    """
    if isinstance(opened, InferenceResult):
        return output_adapter.to_cli([opened])
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    exit_code, message, ends_line = 0, "", True
    try:
        while (piece := await opened.read()) is not None:
            ends_line = _write(decode(piece), ends_line=ends_line)
    except StreamBrokenError as error:
        exit_code, message = BROKEN_EXIT_CODE, f"{error}\n"
    finally:
        # Also when stdout is closed, or the user has had enough.
        await opened.close()
    if not _write(decode(b"", final=True), ends_line=ends_line):
        _write("\n")
    sys.stderr.write(message)
    return exit_code


def _write(text: str, *, ends_line: bool = False) -> bool:
    """Write at once; returns whether the line is ended now."""
    sys.stdout.write(text)
    sys.stdout.flush()
    return text.endswith("\n") if text else ends_line
