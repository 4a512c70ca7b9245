"""`bentoml env`: the environments that bundles run in."""

from __future__ import annotations

import click

from bentoml.cli.lazy_group import CommandEntry, LazyGroup

COMMANDS = (
    CommandEntry(
        "explain",
        "bentoml.cli.environment_explanation:explain_command",
        "Show why each requirement of a bundle is there, and what was left out.",
    ),
    CommandEntry("create", "bentoml.cli.environment_creation:create_command", "Make the environment of a bundle."),
    CommandEntry("list", "bentoml.cli.environment_listing:list_command", "List the environments that were made."),
    CommandEntry("delete", "bentoml.cli.environment_listing:delete_command", "Delete environments."),
    CommandEntry("lock", "bentoml.cli.environment_lock:lock_command", "Add hashes to the requirements of a bundle."),
)


@click.group(name="env", cls=LazyGroup, entries=COMMANDS, short_help="Explain, lock and make what bundles run in.")
def env_command() -> None:
    """Look after what bundles need installed, and the environments that they run in."""
