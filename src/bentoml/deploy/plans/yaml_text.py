"""Objects as YAML that every reader takes for the same: texts have quotes unless they are plain words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

# Without quotes YAML 1.1 reads `on` as true, YAML 1.2 `1e3` as a number, and the reader of kubectl a bit of both.
_is_plain = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*").fullmatch
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as yaml calls it
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if _is_plain(text) and text.lower() not in _WORDS else '"'
    if "\n" in text and all(character == "\n" or character.isprintable() for character in text):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def yaml_text(document: Any) -> str:
    """One document, in the order of its keys, with a newline at the end."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=2**31, allow_unicode=True)
    return text


def yaml_documents(documents: Iterable[Any]) -> str:
    """Several documents, divided by `---`."""
    return "---\n".join(map(yaml_text, documents))
