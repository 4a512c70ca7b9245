"""What the adapters have in common in OpenAPI. Each call makes new dicts, which whoever gets them may change."""

from __future__ import annotations

from typing import Any


def binary_schema() -> dict[str, Any]:
    """The schema of a file, or of any body that is no text."""
    return {"type": "string", "format": "binary"}


def binary_body() -> dict[str, Any]:
    """The media object of such a body."""
    return {"schema": binary_schema()}


def one_file_form() -> dict[str, Any]:
    """The media object of a form with one file."""
    return {"schema": {"type": "object", "properties": {"file": binary_schema()}}}
