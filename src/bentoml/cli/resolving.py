"""From the BENTO argument to a directory, while a person sees how far a bundle has come that is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bentoml.cli.command import Verbosity
from bentoml.cli.progress import transfer_line

if TYPE_CHECKING:
    from pathlib import Path


def bundle_path(bento: str, yatai_url: str | None) -> Path:
    """The local directory of a bundle, with the progress of what has to be loaded; see `resolve_bundle_path`."""
    from bentoml.yatai.resolve import resolve_bundle_path

    verbosity = click.get_current_context().find_object(Verbosity)
    quiet = verbosity is not None and verbosity.quiet
    with transfer_line(f"Loading {bento}", quiet=quiet) as progress:
        return resolve_bundle_path(bento, yatai_url, progress=progress)
