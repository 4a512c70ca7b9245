"""Requests that an optional library would have read, and answers that it would have written."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.exceptions import MissingDependencyException

logger = logging.getLogger(__name__)

_logged: set[str] = set()


def unsupported(
    text: str, missing: MissingDependencyException, http_headers: Mapping[str, str] | None = None
) -> InputError:
    """The refusal with status 415 of a request whose format nobody here can read for want of a library.

    What to install is for who runs the server: it goes into the log, once.

    Args:
        text: what is not supported, for the client.
        missing: names the library and how to install it.
        http_headers: further headers of the answer.
    """
    log_missing(text, missing)
    return InputError(text, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, http_headers)


def log_missing(text: str, missing: MissingDependencyException) -> None:
    """Say once in the log what to install.

    Args:
        text: what is not supported.
        missing: names the library and how to install it.
    """
    hint = str(missing)
    if hint not in _logged:
        _logged.add(hint)
        logger.warning("%s: %s", text, hint)
