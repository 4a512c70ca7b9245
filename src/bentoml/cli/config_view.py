"""`bentoml config view`, `get` and `validate`: what the configuration says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bentoml.cli.config_options import command, key_named, settings_in_force
from bentoml.cli.options import output_option
from bentoml.cli.plain_table import plain_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.configuration.settings import Setting


@command("view", short_help="Show every value and where it comes from.")
@click.option("--changed", is_flag=True, help="Only what the file or the environment sets.")
@click.option("--show-secrets", is_flag=True, help="Show access tokens and passwords too.")
@output_option
def view_command(changed: bool, show_secrets: bool, output: str | None) -> None:
    """Show every value of the configuration and where it comes from."""
    from dataclasses import replace

    from bentoml.configuration.keys import known_keys
    from bentoml.configuration.secrets import without_secrets

    settings = {
        name: setting for name, setting in settings_in_force().items() if not changed or setting.source != "default"
    }
    if not show_secrets:
        settings = {
            name: replace(setting, value=without_secrets(known_keys()[name], setting.value))
            for name, setting in settings.items()
        }
    if output == "json":
        click.echo(json.dumps({name: vars(setting) for name, setting in settings.items()}, indent=2))
    elif output == "yaml":
        click.echo(_as_yaml(settings), nl=False)
    else:
        click.echo(_as_table(settings, wide=output == "wide"))


@command("get", short_help="Show the value of one key.")
@click.argument("key")
@output_option
def get_command(key: str, output: str | None) -> None:
    """Show the value of KEY, such as bento_server.port, as `set` takes it. A secret is shown, being asked for."""
    from bentoml.configuration import plain_yaml
    from bentoml.configuration.text_value import text_of

    asked = key_named(key)
    value = settings_in_force()[asked.name].value
    if output == "json":
        click.echo(json.dumps(value))
    elif output == "yaml":
        click.echo(plain_yaml.flow(value))
    else:
        click.echo(text_of(asked, value))


@command("validate", short_help="Say everything that is wrong.")
@click.argument("file", type=click.Path(), required=False)
def validate_command(file: str | None) -> None:
    """Say everything that is wrong with FILE, or with the file and the variables in force; exit 1 if anything is."""
    import os
    from pathlib import Path

    from bentoml.configuration.config_file import ConfigFile
    from bentoml.configuration.environment import variables
    from bentoml.configuration.load import read_layers
    from bentoml.exceptions import BentoMLConfigException

    checked = ConfigFile.in_force() if file is None else ConfigFile.named(Path(file))
    exists = checked.stamp() is not None
    if not exists and file is not None:
        raise BentoMLConfigException(f"{file} not found")
    if not exists and checked.is_named:
        raise checked.missing()
    layers = read_layers(checked, variables(os.environ) if file is None else ())
    problems = [problem for layer in layers for problem in layer.problems]
    if problems:
        raise BentoMLConfigException("\n".join([f"{len(problems)} faults" * (len(problems) > 1), *problems]).lstrip())
    _, from_file, from_environment = layers
    click.echo(
        f"{checked.path}: {_keys_set(len(from_file.settings)) if exists else 'not there, which is fine'}"
        + (f"; environment: {_keys_set(len(from_environment.settings))}" if from_environment.settings else "")
    )


def _keys_set(count: int) -> str:
    return f"ok, {count} key{'' if count == 1 else 's'} set"


def _as_table(settings: Mapping[str, Setting], *, wide: bool) -> str:
    from bentoml.configuration.keys import known_keys
    from bentoml.configuration.text_value import text_of

    headers = ("KEY", "VALUE", "SOURCE", *(("PLACE",) if wide else ()))
    rows = [
        (name, text_of(known_keys()[name], setting.value), setting.source, *((setting.place,) if wide else ()))
        for name, setting in settings.items()
    ]
    return plain_table(headers, rows)


def _as_yaml(settings: Mapping[str, Setting]) -> str:
    """A configuration file with these values; a comment beside each says where it comes from."""
    from bentoml.configuration.plain_yaml import flow

    lines: list[str] = []
    open_sections: list[str] = []
    for name, setting in settings.items():
        *sections, last = name.split(".")
        common = 0
        while common < min(len(sections), len(open_sections)) and sections[common] == open_sections[common]:
            common += 1
        lines += [f"{'  ' * depth}{sections[depth]}:" for depth in range(common, len(sections))]
        open_sections = sections
        lines.append(f"{'  ' * len(sections)}{last}: {flow(setting.value)}  # {setting.place or setting.source}")
    return "\n".join([*lines, ""])
