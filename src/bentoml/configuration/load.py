"""The configuration in force: defaults, then the file, then the environment, each checked against the schema."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from bentoml.configuration.config_file import ConfigFile, bentoml_home
from bentoml.configuration.environment import variables
from bentoml.configuration.settings import Layer, config_of, default_layer, environment_layer, file_layer
from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from bentoml.configuration.config_file import Stamp
    from bentoml.configuration.schema import Config

__all__ = ["bentoml_home", "fix_config", "get_config", "is_debug", "read_layers"]

# The configuration that this process keeps, whatever happens to the file.
_fixed: Config | None = None


def is_debug() -> bool:
    """Whether `$BENTOML_DEBUG` asks for debug logs and tracebacks."""
    return os.environ.get("BENTOML_DEBUG", "").strip().lower() in {"1", "true", "yes", "on"}


def get_config() -> Config:
    """The configuration in force.

    That is the environment (`BENTOML__SECTION__KEY`) over the file named by `$BENTOML_CONFIG`, else
    `$BENTOML_HOME/bentoml.yml`, over the defaults. In a process of the server it is what the server was started with.

    Raises:
        BentoMLConfigException: the file is missing or cannot be read, or a key is unknown or has a value that it does
            not take; the text names the key and the place.
    """
    if _fixed is not None:
        return _fixed
    file = ConfigFile.in_force()
    stamp = file.stamp()
    if stamp is None and file.is_named:
        raise file.missing()
    return _load(file, stamp, variables(os.environ))


def fix_config(config: Config | None) -> None:
    """Keep a configuration for this process, so that nothing changes under it; None ends that."""
    global _fixed  # noqa: PLW0603 - one process, one configuration
    _fixed = config


@lru_cache(maxsize=8)
def _load(file: ConfigFile, stamp: Stamp | None, set_variables: tuple[tuple[str, str], ...]) -> Config:
    layers = read_layers(file if stamp is not None else None, set_variables)
    problems = [problem for layer in layers for problem in layer.problems]
    if problems:
        raise BentoMLConfigException(_summary(problems))
    return config_of({name: setting for layer in layers for name, setting in layer.settings.items()})


def _summary(problems: list[str]) -> str:
    more = len(problems) - 1
    return problems[0] + (f" ({more} more; `bentoml config validate` lists them all)" if more else "")


def read_layers(file: ConfigFile | None, set_variables: tuple[tuple[str, str], ...] = ()) -> list[Layer]:
    """The sources of the configuration, the weakest first: defaults, file, environment.

    Args:
        file: the file, which need not exist; None leaves it out.
        set_variables: names and texts of the environment variables that are for the configuration.

    Raises:
        BentoMLConfigException: the file cannot be read at all.
    """
    text = None if file is None else file.read()
    return [
        default_layer(),
        Layer() if file is None or text is None else file_layer(text, file.path),
        environment_layer(set_variables),
    ]
