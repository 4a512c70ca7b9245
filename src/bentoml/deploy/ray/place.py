"""Which cluster is meant, when nobody names one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = ("RAY_DASHBOARD_ADDRESS", "RAY_API_SERVER_ADDRESS")
"""Those that the commands of Ray read, too."""
LOCAL = "http://127.0.0.1:8265"
AUTO = "auto"


def with_place(settings: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that name the dashboard: what the variables say now may be something else tomorrow.

    Args:
        settings: those that are wanted.
        before: those of the record; empty for a new deployment.
    """
    given = settings.get("address") or before.get("address")
    if given in {None, AUTO}:
        given = next(filter(None, map(os.environ.get, VARIABLES)), LOCAL)
    return {**settings, "address": str(given).rstrip("/")}
