"""A home with saved bundles, as the tests of the command line have it."""

from __future__ import annotations

from tests.cli.conftest import library_logger, saved

__all__ = ["library_logger", "saved"]
