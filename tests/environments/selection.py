"""Which tests run here, and which are left to an environment of their own.

A test marked with an environment runs in place where its modules can be imported. Elsewhere it is left to `stage`, when
somebody has promised in `TEST_ENVIRONMENTS_LEFT` to run that afterwards; the file named there says what is left. With
no such promise the test is skipped, which fails in continuous integration as every skip does.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.environments.table import ENVIRONMENTS

MARKER = "environment"
LEFT_VARIABLE = "TEST_ENVIRONMENTS_LEFT"
# Names the environment that pytest runs in, when it is one.
INSIDE_VARIABLE = "TEST_ENVIRONMENT"


def name_of(item: pytest.Item) -> str | None:
    """The environment that a test asks for.

    Raises:
        UsageError: there is no such environment.
    """
    mark = item.get_closest_marker(MARKER)
    if mark is None:
        return None
    if len(mark.args) != 1 or mark.args[0] not in ENVIRONMENTS:
        raise pytest.UsageError(
            f"{item.nodeid}: mark it with one of the environments {', '.join(ENVIRONMENTS)}, "
            "or add one to tests/environments/table.py"
        )
    name: str = mark.args[0]
    return name


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take the tests out of `items` that are left to other environments, and write down which they are."""
    left: dict[str, list[str]] = {}
    kept = []
    promised = os.environ.get(LEFT_VARIABLE)
    for item in items:
        name = name_of(item)
        if name is None or ENVIRONMENTS[name].is_here or os.environ.get(INSIDE_VARIABLE) == name:
            kept.append(item)
        elif promised:
            left.setdefault(name, []).append(item.nodeid)
        else:
            hint = f"it needs the environment {name}; run it with ./scripts/test {item.nodeid.partition('::')[0]}"
            item.add_marker(pytest.mark.skip(hint))
            kept.append(item)
    if promised and left:
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        _write(Path(promised), left)
    items[:] = kept


def _write(path: Path, left: dict[str, list[str]]) -> None:
    """Every worker of a parallel run writes the same."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(json.dumps(left, indent=1), encoding="utf-8")
    part.replace(path)
