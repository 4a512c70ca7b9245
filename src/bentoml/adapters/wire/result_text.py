"""Results as text: the bodies of answers, and the lines of `bentoml run`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bentoml.types import InferenceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bentoml.types import InferenceResult


def body_of(result: InferenceResult[Any]) -> str | bytes:
    """The body of the answer: the data, or the error text when there is no data.

    Raises:
        TypeError: the data is neither text nor bytes.
    """
    data = result.data
    if data is None:
        return result.err_msg
    if isinstance(data, (str, bytes)):
        return data
    raise TypeError(f"InferenceResult.data must be str or bytes, not {type(data).__name__}")


def encoded(body: str | bytes) -> bytes:
    """Text as UTF-8.

    Half of a surrogate pair, which JSON can bring in and UTF-8 cannot hold, is written as the escape that JSON has.
    """
    if isinstance(body, bytes):
        return body
    try:
        return body.encode()
    except UnicodeEncodeError:
        return body.encode("utf-8", "backslashreplace")


def write_lines(results: Iterable[InferenceResult[Any]], line_of: Callable[[InferenceResult[Any]], str]) -> int:
    """Write one line per result: data to stdout, errors to stderr.

    Args:
        results: in the order of the lines.
        line_of: makes the line of a result that is no error; an `OSError` is written in its place.

    Returns:
        The exit code: 0, or that of the last failed result.
    """
    exit_code = 0
    for result in results:
        if result.err_msg or isinstance(result, InferenceError):
            text = encoded(result.err_msg or "The request failed; the log says why").decode()
            sys.stderr.write(f"{text}\n")
            exit_code = result.cli_status or 1
            continue
        try:
            line = line_of(result)
        except OSError as error:
            sys.stderr.write(f"The result cannot be written: {error}\n")
            exit_code = 1
            continue
        sys.stdout.write(f"{line}\n")
        exit_code = result.cli_status or exit_code
    return exit_code
