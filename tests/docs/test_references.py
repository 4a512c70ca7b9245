"""The reference pages name every key and every option, with the defaults that the code has."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import click
import pytest

from bentoml.cli.lazy_group import LazyGroup
from bentoml.cli.main import COMMANDS
from bentoml.configuration.keys import known_keys
from scripts.configuration_reference import PAGE, page

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"
COMMON_OPTIONS = {"-q", "--quiet", "--verbose", "--debug", "--do-not-track", "--help"}


def test_configuration_reference_is_made_from_the_schema() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run scripts/configuration_reference.py"


def test_configuration_reference_has_every_key_once() -> None:
    current = PAGE.read_text(encoding="utf-8").partition("## Keys of releases before")[0]
    shown = re.findall(r"^\| `([a-z0-9_.]+)` \|", current, re.MULTILINE)
    assert sorted(shown) == sorted(known_keys())


def section_of(command: str) -> str:
    text = (GUIDES / "cli.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    return next((section for section in sections if section.startswith(f"`bentoml {command}`")), "")


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_cli_page_has_every_command_with_its_options(entry: Any) -> None:
    module, attribute = entry.target.split(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    below = [entry.load() for entry in command.entries.values()] if isinstance(command, LazyGroup) else []
    options = {
        flag
        for parameter in [parameter for each in (command, *below) for parameter in each.params]
        if isinstance(parameter, click.Option)
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    shown = section_of(entry.name)
    if "Takes the options of `serve`" in shown:
        shown += section_of("serve")
    assert shown, f"no section on bentoml {entry.name}"
    assert [each.name for each in below if f"`bentoml {entry.name} {each.name}" not in shown] == []
    assert {flag for flag in options - COMMON_OPTIONS if not re.search(rf"(?<![\w-]){flag}(?![\w-])", shown)} == set()


def test_decisions_are_numbered_in_their_names_and_headings() -> None:
    pages = sorted((GUIDES.parent / "decisions").glob("0*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    headings = [page.read_text(encoding="utf-8").partition(".")[0] for page in pages]
    assert headings == [f"# {number}" for number in numbers]
