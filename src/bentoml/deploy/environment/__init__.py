"""Virtual environments of bundles.

`create_environment` makes one with uv or pip, or finds the one that bundles with the same requirements share;
`command_in` says how something is run inside of it.
"""

from bentoml.deploy.environment.build import Environment, EnvironmentOptions, create_environment
from bentoml.deploy.environment.launch import command_in, refuse_other_needs
from bentoml.deploy.environment.store import EnvironmentHome, find_environment, list_environments, unused_environments

__all__ = [
    "Environment",
    "EnvironmentHome",
    "EnvironmentOptions",
    "command_in",
    "create_environment",
    "find_environment",
    "list_environments",
    "refuse_other_needs",
    "unused_environments",
]
