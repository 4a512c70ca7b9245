"""What the files of one app are made from: all that is known, and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.app_platforms.server import requests_at_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.deploy.app_platforms.app import App
    from bentoml.deploy.app_platforms.app_options import AppOptions


def set_only(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are set."""
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True)
class Wish:
    """An app, and how it shall run.

    Attributes:
        app: what runs.
        options: what the user asks for.
        kill_after_s: from SIGTERM to SIGKILL.
        variables: of the server, with those of the user.
    """

    app: App
    options: AppOptions
    kill_after_s: int
    variables: Mapping[str, str]

    @property
    def at_once(self) -> int:
        """Requests that keep an instance busy."""
        return requests_at_once(self.app.service, self.options.workers)

    def head(self, command: str) -> str:
        """The first line of a file: what runs, and what applies it."""
        return f"# {self.app.bundle}; {command}\n"
