"""Offline batch: an API of a bundle on files, row by row the same answers as over HTTP."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.batch.jobs.job import BatchProgress, BatchReport, RowsFailedError
    from bentoml.batch.jobs.run import run

_HOME_OF = {
    "BatchProgress": "bentoml.batch.jobs.job",
    "BatchReport": "bentoml.batch.jobs.job",
    "RowsFailedError": "bentoml.batch.jobs.job",
    "run": "bentoml.batch.jobs.run",
}

__all__ = ["BatchProgress", "BatchReport", "RowsFailedError", "run"]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'bentoml.batch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
