"""A home with saved bundles, as the tests of the command line have it."""

from __future__ import annotations

from tests.cli.conftest import saved

__all__ = ["saved"]
