"""What the command line changes in its process is put back after each test."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def library_logger() -> Iterator[logging.Logger]:
    """The `bentoml` logger, restored: a command configures it for its own stdout."""
    logger = logging.getLogger("bentoml")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield logger
    for handler in logger.handlers:
        if handler not in before[0]:
            handler.close()
    logger.handlers[:], logger.level, logger.propagate = before
    logger.setLevel(before[1])
