"""Loggers of a child process: what they say is handed to the process that writes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.server.logs.log_pipe import PipeHandler

# What the libraries under the server have to say goes where our own lines go.
_FOREIGN = ("asyncio", "uvicorn")


def forward_logs(level: str, handler: PipeHandler) -> None:
    """Hand over what our loggers say, and warnings of the libraries under the server.

    Args:
        level: of our loggers.
        handler: takes the records.
    """
    for name in ("bentoml", *_FOREIGN):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level if name == "bentoml" else logging.WARNING)


def forward_advanced(config: dict[str, Any], handler: PipeHandler) -> None:
    """Hand over what the loggers of a `logging.advanced` say, the user's own among them.

    Levels, and which logger passes on to which, are as configured; handlers and filters are those of the process that
    writes, where a record takes the same way.

    Args:
        config: for `logging.config.dictConfig`.
        handler: takes the records.
    """
    # Ours first, so that it is never without a handler: what has none is set up anew by whoever notices.
    named: dict[str, Any] = {"bentoml": {}, **(config.get("loggers") or {})}
    if config.get("root"):
        named[""] = config["root"]
    for name, settings in named.items():
        logger = logging.getLogger(name or None)
        logger.handlers = [handler]
        logger.propagate = bool(settings.get("propagate", True))
        if settings.get("level") is not None:
            logger.setLevel(settings["level"])
