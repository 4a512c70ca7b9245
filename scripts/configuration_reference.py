"""Writes docs/configuration-reference.md from the schema of the configuration; `scripts/docs` runs it."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.configuration.check import kind_name, range_of
from bentoml.configuration.keys import Key, known_keys, known_sections
from bentoml.configuration.old_names import all_old_names
from bentoml.configuration.plain_yaml import flow

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration-reference.md"

_HEAD = """\
# Configuration reference

Every key of the [configuration](guides/configuration.md). This page is made from the schema in `configuration/` by
`scripts/configuration_reference.py`.

The environment variable of a key is its name in capitals, with `BENTOML__` before it and two underscores for each dot:
`bento_server.port` is `BENTOML__BENTO_SERVER__PORT`.
"""

_OLD = """
## Keys of releases before 0.12

The file `bentoml.cfg` of those releases is not read. `bentoml config set` and `get` take the old names of the keys that
have a new one.

| Old key | What to do |
|---|---|"""


def page() -> str:
    """The text of the page."""
    sections = [_section(name, schema) for name, schema in known_sections().items() if name]
    old = [f"| `{name}` | {_marked(todo)} |" for name, todo in all_old_names().items()]
    return "\n".join([_HEAD.rstrip("\n"), *sections, _OLD, *old, ""])


def _marked(sentence: str) -> str:
    """Names in quotes as code."""
    return re.sub(r"'([\w.]+)'|\b(BENTOML_[A-Z]+)\b", lambda found: f"`{found[1] or found[2]}`", sentence)


def _section(name: str, schema: type) -> str:
    level = "##" if "." not in name else "###"
    lines = ["", f"{level} `{name}`", "", inspect.getdoc(schema) or ""]
    rows = list(_rows(name))
    if rows:
        lines += ["", "| Key | Takes | Default | Meaning |", "|---|---|---|---|", *rows]
    return "\n".join(lines)


def _rows(section: str) -> Iterator[str]:
    for key in known_keys().values():
        if key.name.rpartition(".")[0] == section:
            secret = "; a secret, hidden by `bentoml config view`" if key.rule.secret else ""
            yield f"| `{key.name}` | {_takes(key)} | {flow(key.default)} | {key.rule.meaning}{secret} |"


def _takes(key: Key) -> str:
    if key.rule.choices:
        kinds = [f"`{choice}`" for choice in key.rule.choices] + (["null"] if key.takes_null else [])
    elif key.rule.form is not None:
        kinds = [key.rule.form.words] + (["null"] if key.takes_null else [])
    else:
        kinds = [kind_name(kind) for kind in key.kinds]
        details = " ".join(part for part in (f"of {key.rule.unit}" if key.rule.unit else "", range_of(key)) if part)
        kinds[0] += f" {details}" if details else ""
    return " or ".join([", ".join(kinds[:-1]), kinds[-1]] if len(kinds) > 1 else kinds)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
