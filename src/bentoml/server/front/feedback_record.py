"""Posted feedback as a line for its log.

Run as a script, it reads a body from stdin and writes the line to stdout, in a process of its own: reading some JSON
texts takes long, and takes many times their size. So this needs the standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from json.encoder import encode_basestring_ascii
from typing import NoReturn

PARSE_ERROR = "Failed parsing feedback JSON data"
MISSING_ID = "Missing 'request_id' in feedback JSON data"

# What the script says about feedback that cannot be taken, by exit code.
PROBLEMS = {10: PARSE_ERROR, 11: MISSING_ID}
_EXIT_CODES = {problem: code for code, problem in PROBLEMS.items()}
# Memory of the script, in bytes: at least, and per byte of the body.
_MIN_MEMORY = 512 << 20
_MEMORY_PER_BYTE = 64
_NICENESS = 10

_beyond_ascii = re.compile(r"[^\x00-\x7f]+")


class FeedbackError(ValueError):
    """The body is no feedback; the text is for the client."""


def feedback_record(body: bytes, service_name: str, service_version: str) -> bytes:
    """The line: the posted object with the service's name and version, in ASCII, ended by LF.

    Of keys that stand in one object twice, the last counts.

    Raises:
        FeedbackError: the body is no JSON object, or has no `request_id`.
    """
    try:
        posted = json.loads(body.decode("utf-8").removeprefix("\ufeff"), parse_constant=_refuse)
    except (ValueError, RecursionError, MemoryError) as error:
        raise FeedbackError(PARSE_ERROR) from error
    if not isinstance(posted, dict):
        raise FeedbackError(PARSE_ERROR)
    if "request_id" not in posted:
        raise FeedbackError(MISSING_ID)
    record = {**posted, "service_name": service_name, "service_version": service_version}
    try:
        # A number may be beyond what a float holds, and objects nested too deep to be written again.
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise FeedbackError(PARSE_ERROR) from error
    # Halves of surrogate pairs, which are no characters, become question marks.
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return _beyond_ascii.sub(_escaped, clean).encode("ascii") + b"\n"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _escaped(found: re.Match[str]) -> str:
    return encode_basestring_ascii(found[0])[1:-1]


def _stand_back(size_bytes: int) -> None:
    """Let others go first, and fail before the system runs out of memory; where that cannot be, it is not."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        limit = max(_MIN_MEMORY, _MEMORY_PER_BYTE * size_bytes)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _main(argv: list[str]) -> int:
    name, version = argv
    body = sys.stdin.buffer.read()
    _stand_back(len(body))
    try:
        line = feedback_record(body, name, version)
    except FeedbackError as error:
        return _EXIT_CODES[str(error)]
    sys.stdout.buffer.write(line)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
