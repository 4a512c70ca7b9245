"""What the `bentoml config` commands share."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.command import BentoCommand, Verbosity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bentoml.configuration.keys import Key
    from bentoml.configuration.settings import Setting


class ConfigCommand(BentoCommand):
    """A command that works where the configuration does not: its logging is not set up from it."""

    @contextmanager
    def output_of(self, verbosity: Verbosity) -> Iterator[None]:
        """Warn as much as was asked for."""
        with warnings.catch_warnings():
            if verbosity.quiet:
                warnings.simplefilter("ignore")
            yield


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], ConfigCommand]:
    """Decorate a function as one of the commands."""
    return click.command(name, cls=ConfigCommand, **settings)


def key_named(name: str) -> Key:
    """The key that a user names, also by its name before 0.12, which is pointed out.

    Raises:
        BentoMLConfigException: there is no such key; the text names the nearest one.
    """
    from bentoml.configuration import old_names
    from bentoml.configuration.keys import known_keys, known_sections
    from bentoml.configuration.settings import unknown
    from bentoml.exceptions import BentoMLConfigException

    renamed = old_names.new_name(name)
    if renamed is not None:
        note(f"'{name}' is now '{renamed}'")
        name = renamed
    if name in known_sections():
        inside = [key for key in known_keys() if key.startswith(f"{name}.")]
        raise BentoMLConfigException(f"'{name}' is a section; its keys: {', '.join(inside)}")
    if name not in known_keys():
        raise BentoMLConfigException(unknown(name))
    return known_keys()[name]


def settings_in_force() -> dict[str, Setting]:
    """Every key with its value and where that comes from.

    Raises:
        BentoMLConfigException: something is wrong with the configuration.
    """
    import os

    from bentoml.configuration import get_config
    from bentoml.configuration.config_file import ConfigFile
    from bentoml.configuration.environment import variables
    from bentoml.configuration.load import read_layers

    get_config()
    layers = read_layers(ConfigFile.in_force(), variables(os.environ))
    return {name: setting for layer in layers for name, setting in layer.settings.items()}


def note(text: str) -> None:
    """Tell the user something beside the result, unless only that is asked for."""
    verbosity = click.get_current_context().find_object(Verbosity)
    if verbosity is None or not verbosity.quiet:
        click.echo(f"Note: {text}", err=True)
