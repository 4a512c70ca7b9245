"""Arguments and options that several commands share."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bentoml.cli.command import BentoCommand

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

logger = logging.getLogger(__name__)

REMOTE_PARAMETERS = frozenset({"bento", "yatai_url"})
"""The parameters that say which bundle to use; the command of an installed bundle lacks them."""

BENTO_ARGUMENT_HELP = "BENTO (directory, address, NAME:VERSION or NAME@ALIAS)"
"""How the help of the commands calls their bundle; the help of an installed bundle says otherwise."""

OUTPUT_FORMATS = ("json", "yaml", "table", "wide")


def bento_command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], BentoCommand]:
    """Decorate a function as a command with the common options."""
    return click.command(name, cls=BentoCommand, **settings)


def yatai_url_option(function: F) -> F:
    """Add `--yatai-url`."""
    return click.option("--yatai-url", metavar="URL", help="Registry to use instead of the configured one.")(function)


def bento_argument(function: F) -> F:
    """Add the BENTO argument and `--yatai-url`."""
    return click.argument("bento")(yatai_url_option(function))


def verify_option(function: F) -> F:
    """Add `--no-verify`, which arrives as `verify`."""
    return click.option(
        "--verify/--no-verify", default=True, help="Check the digests of the bundle's files, or not.  [verify]"
    )(function)


def pickle_option(function: F) -> F:
    """Add `--no-pickle`, which arrives as `allow_pickle`."""
    return click.option(
        "--allow-pickle/--no-pickle",
        default=None,
        help="Load a bundle whose artifacts could run code when they are read, or refuse it.  [configured, else load]",
    )(function)


def labels_option(function: F) -> F:
    """Add `--labels`."""
    return click.option(
        "--labels", metavar="QUERY", help="Label query, such as 'stage=prod, team In (core, web), owner'."
    )(function)


def output_option(function: F) -> F:
    """Add `-o/--output` for JSON, YAML or a table."""
    return click.option("-o", "--output", type=click.Choice(OUTPUT_FORMATS), help="How to print the result.")(function)


def warn_ignored(option: str, reason: str) -> None:
    """Say once that a deprecated option has no effect."""
    logger.warning("%s is accepted and ignored: %s", option, reason)
