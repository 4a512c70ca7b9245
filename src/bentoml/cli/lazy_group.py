"""A click group that knows its commands by name and imports each one only when it is called."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


class CommandEntry(NamedTuple):
    """One row of the command table."""

    name: str
    target: str
    """Where the command object is: `package.module:attribute`."""
    short_help: str
    """What the list of commands in `--help` says; the module is not imported for it."""

    def load(self) -> click.Command:
        """Import the command."""
        module_name, _, attribute = self.target.partition(":")
        command = getattr(importlib.import_module(module_name), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.target} is not a click command")
        return command


class LazyGroup(click.Group):
    """A group over a table of `CommandEntry`; `--help` prints the table without importing any command."""

    def __init__(self, *args: Any, entries: Sequence[CommandEntry] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = {entry.name: entry for entry in entries}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """The names, in the order of the table: the life cycle of a bundle."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import and return one command; `None` if the name is unknown."""
        entry = self.entries.get(cmd_name)
        return None if entry is None else self.adapt(entry.load())

    def adapt(self, command: click.Command) -> click.Command:
        """Change a command as it is loaded. The base group takes it as it is."""
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the command list from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.short_help) for entry in self.entries.values()])
