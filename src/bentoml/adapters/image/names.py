"""The extensions of image files that an adapter accepts."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bentoml.configuration import get_config

if TYPE_CHECKING:
    from collections.abc import Iterable


def accepted_extensions(given: Iterable[str] | None) -> list[str]:
    """Extensions in lower case with their dots; those of the configuration when none are given."""
    extensions = get_config().adapters.image_input.default_extensions if given is None else given
    return [f".{extension.lower().removeprefix('.')}" for extension in extensions]


def extension_of(file_name: str) -> str:
    """The extension of a file name in lower case with its dot; empty when it has none."""
    return PurePosixPath(file_name.replace("\\", "/")).suffix.lower()
