"""`bentoml config`: look at the configuration, and change its file."""

from __future__ import annotations

import click

from bentoml.cli.lazy_group import CommandEntry, LazyGroup

COMMANDS = (
    CommandEntry("view", "bentoml.cli.config_view:view_command", "Show every value and where it comes from."),
    CommandEntry("get", "bentoml.cli.config_view:get_command", "Show the value of one key."),
    CommandEntry("set", "bentoml.cli.config_change:set_command", "Set keys in the configuration file."),
    CommandEntry("unset", "bentoml.cli.config_change:unset_command", "Take keys out of the configuration file."),
    CommandEntry("validate", "bentoml.cli.config_view:validate_command", "Say everything that is wrong."),
)


@click.group(
    name="config",
    cls=LazyGroup,
    entries=COMMANDS,
    short_help="Look at the configuration, and change its file.",
    epilog="The file is the one that $BENTOML_CONFIG names, else $BENTOML_HOME/bentoml.yml.",
)
def config_command() -> None:
    """Look at the configuration, and change its file."""
