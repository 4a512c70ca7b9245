"""The reference pages name every key and every option, with the defaults that the code has."""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from bentoml.cli.main import COMMANDS
from bentoml.configuration.schema import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
COMMON_OPTIONS = {"-q", "--quiet", "--verbose", "--debug", "--do-not-track", "--help"}


def configuration_keys(section: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key below a section of the configuration, with its default as YAML would show it."""
    for item in dataclasses.fields(section):
        value = getattr(section, item.name)
        if dataclasses.is_dataclass(value):
            yield from configuration_keys(value, f"{prefix}{item.name}.")
        elif isinstance(value, list):
            yield prefix + item.name, " ".join(value)
        elif isinstance(value, bool):
            yield prefix + item.name, str(value).lower()
        else:
            yield prefix + item.name, "null" if value is None else str(value)


def test_configuration_page_has_every_key_with_its_default() -> None:
    text = (GUIDES / "configuration.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| `([a-z0-9_.]+)` \| (.*?) \|", text, re.MULTILINE))
    assert shown == dict(configuration_keys(Config()))


def section_of(command: str) -> str:
    text = (GUIDES / "cli.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    return next((section for section in sections if section.startswith(f"`bentoml {command}`")), "")


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_cli_page_has_every_command_with_its_options(entry: Any) -> None:
    module, attribute = entry.target.split(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    options = {
        flag
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    shown = section_of(entry.name)
    if "Takes the options of `serve`" in shown:
        shown += section_of("serve")
    assert shown, f"no section on bentoml {entry.name}"
    assert {flag for flag in options - COMMON_OPTIONS if not re.search(rf"(?<![\w-]){flag}(?![\w-])", shown)} == set()
