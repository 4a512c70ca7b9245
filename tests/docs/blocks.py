"""Reads the code blocks of a Markdown page, with what a runner has to know about each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_RUN = "Not run by the tests:"
"""A paragraph that starts so, right above a block, keeps the block from running; the reader sees the reason."""

_FILE_COMMENT = re.compile(r"# ([\w./-]+\.\w+)\n")
_OPTION = re.compile(r":([\w-]+):\s*(.*)\n?")
_SILENT_DIRECTIVES = {"toctree", "include"}


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        language: `python`, `pycon`, `console`, `yaml`, ...
        text: What stands between the fences, options removed, with a newline at the end.
        line: Number of the line on the page that opens the fence, from 1.
        title: The file name that the block is the content of, or None.
        not_run: The reason why nobody runs it, or None.
    """

    language: str
    text: str
    line: int
    title: str | None = None
    not_run: str | None = None


@dataclass(frozen=True)
class Command:
    """One shell command of a console block and the output that the page shows for it, "" when it shows none."""

    line: str
    shown: str


def _split_options(text: str) -> tuple[dict[str, str], str]:
    options = {}
    while (match := _OPTION.match(text)) is not None:
        options[match[1]] = match[2].strip()
        text = text[match.end() :]
    return options, text.removeprefix("\n")


def _read_fence(info: str, text: str, line: int, not_run: str | None) -> Iterator[Block]:
    directive = re.fullmatch(r"\{([\w-]+)\}\s*(.*)", info)
    if directive is None:
        title = _FILE_COMMENT.match(text)
        yield Block(info, text, line, title[1] if title else None, not_run)
    elif directive[1] == "code-block":
        options, body = _split_options(text)
        yield Block(directive[2], body, line, options.get("caption"), not_run)
    elif directive[1] not in _SILENT_DIRECTIVES:
        yield from read_blocks(text, first_line=line + 1)


def read_blocks(page: str, first_line: int = 1) -> Iterator[Block]:
    """The fenced blocks of a page in their order, those inside notes and other directives too."""
    not_run = None
    for token in MarkdownIt().parse(page):
        if token.type == "inline":
            words = token.content.strip("*_ \n").replace("\n", " ")
            not_run = words.removeprefix(NOT_RUN).strip() if words.startswith(NOT_RUN) else None
        elif token.type == "fence":
            line = (token.map or [0])[0] + first_line
            yield from _read_fence(token.info.strip(), token.content, line, not_run)
            not_run = None


def read_commands(text: str) -> list[Command]:
    """Splits a console block at its `$ ` lines; a command may go on after a backslash at the end of its line.

    Raises:
        ValueError: when the block does not start with a command.
    """
    commands: list[Command] = []
    lines = iter(text.splitlines(keepends=True))
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\\n"):
                command += next(lines)
            commands.append(Command(command.rstrip("\n"), ""))
        elif commands:
            commands[-1] = Command(commands[-1].line, commands[-1].shown + line)
        else:
            raise ValueError(f"a console block starts with a command after '$ ', not with {line!r}")
    return commands


def pages_of(root: Path) -> list[Path]:
    """Every Markdown page that people read: those at the top of the repository, of docs/ and of examples/."""
    built = root / "docs" / "_build"
    found = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "examples").rglob("*.md")]
    return sorted(page for page in found if built not in page.parents)
