"""`bentoml config set` and `unset`: change the configuration file."""

from __future__ import annotations

import click

from bentoml.cli.config_options import command, key_named, note


@command("set", short_help="Set keys in the configuration file.")
@click.argument("assignments", metavar="KEY=VALUE...", nargs=-1, required=True)
def set_command(assignments: tuple[str, ...]) -> None:
    """Set keys in the configuration file, all or none. Its comments and its order stay.

    VALUE is YAML, such as 8080, true, null or [GET, POST]; for a key that takes text it is the text as it stands.
    """
    from bentoml.configuration.config_file import ConfigFile
    from bentoml.configuration.keys import known_keys
    from bentoml.configuration.rewrite import set_values
    from bentoml.configuration.secrets import without_secrets
    from bentoml.configuration.text_value import text_of, value_from_text

    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise click.UsageError(f"{assignment!r} is not of the form KEY=VALUE, such as bento_server.port=8080.")
        key = key_named(name.strip())
        if key.name in values:
            raise click.UsageError(f"{key.name} is given twice.")
        values[key.name] = value_from_text(key, text)
    file = ConfigFile.in_force()
    set_values(file, values)
    for name, value in values.items():
        key = known_keys()[name]
        click.echo(f"{name} = {text_of(key, without_secrets(key, value))} in {file.path}")
        _warn_if_overridden(name)


@command("unset", short_help="Take keys out of the configuration file.")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
def unset_command(keys: tuple[str, ...]) -> None:
    """Take keys, or whole sections, out of the configuration file, so that their defaults hold again.

    Unknown keys go as well, which repairs a file.
    """
    from bentoml.configuration.config_file import ConfigFile
    from bentoml.configuration.rewrite import unset_keys

    file = ConfigFile.in_force()
    unset_keys(file, keys)
    for name in keys:
        click.echo(f"{name} is no longer in {file.path}")
        _warn_if_overridden(name)


def _warn_if_overridden(name: str) -> None:
    import os

    from bentoml.configuration.environment import key_of, variables

    for variable, _ in variables(os.environ):
        if key_of(variable) == name:
            note(f"the environment variable {variable} wins over the file")
