"""Kinds of options that say how a deployment runs; what is not given is None."""

from __future__ import annotations

from typing import Any

import click

from bentoml.cli.deployment_options import read_pairs


def text(name: str, metavar: str, meaning: str, field: str | None = None) -> Any:
    """An option with a text.

    Args:
        name: of the option, without `--`.
        metavar: what stands for the text in the help.
        meaning: for the help.
        field: of the settings; None is named after the option.
    """
    return click.option(f"--{name}", *_names(field), metavar=metavar, help=meaning)


def number(name: str, meaning: str, least: int = 1, field: str | None = None, metavar: str = "N") -> Any:
    """An option with a whole number, `least` or more."""
    return click.option(f"--{name}", *_names(field), type=click.IntRange(min=least), metavar=metavar, help=meaning)


def flag(name: str, meaning: str) -> Any:
    """An option that is on or off."""
    return click.option(f"--{name}/--no-{name}", default=None, help=meaning)


def several(name: str, field: str, metavar: str, meaning: str) -> Any:
    """An option with a text, for a list."""
    return click.option(
        f"--{name}", field, multiple=True, metavar=metavar, help=f"{meaning}; may be given several times."
    )


def pairs(name: str, metavar: str, meaning: str, field: str | None = None) -> Any:
    """An option with NAME=VALUE, for a mapping."""
    how: dict[str, Any] = {"multiple": True, "metavar": metavar, "callback": read_pairs}
    return click.option(f"--{name}", *_names(field), **how, help=f"{meaning}; may be given several times.")


def _names(field: str | None) -> tuple[str, ...]:
    return () if field is None else (field,)
