"""Options of a server for tests of parts that need a few of them only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.server.options.serve_options import ServeOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from bentoml.server.options.serve_options import Overrides


def server_options(**overrides: Unpack[Overrides]) -> ServeOptions:
    return ServeOptions.from_config(Path("/nowhere"), **overrides)
