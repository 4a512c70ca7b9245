"""The overview of the documentation names every artifact of a framework, as it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts.framework_versions import environment_of, rows
from tests.environments.table import ENVIRONMENTS

ROOT = Path(__file__).resolve().parents[2]
OVERVIEW = (ROOT / "docs" / "frameworks" / "index.md").read_text(encoding="utf-8")
INDEX = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


def artifact_classes() -> list[str]:
    """`module.Class` of every class in `bentoml.frameworks` whose name ends in Artifact."""
    names = []
    for path in sorted((ROOT / "src" / "bentoml" / "frameworks").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = (node.name for node in tree.body if isinstance(node, ast.ClassDef))
        names += [f"{path.stem}.{name}" for name in classes if name.endswith("Artifact") and not name.startswith("_")]
    return names


@pytest.mark.parametrize("name", artifact_classes())
def test_overview_names_every_artifact(name: str) -> None:
    assert f"`{name}`" in OVERVIEW


def test_overview_names_nothing_else() -> None:
    named = re.findall(r"`([a-z0-9_]+\.\w+Artifact)`", OVERVIEW)
    assert sorted(named) == sorted(artifact_classes())


def test_every_page_of_the_overview_is_there_and_in_the_contents() -> None:
    pages = set(re.findall(r"\]\((\w+)\.md\)", OVERVIEW))
    assert pages == {path.stem for path in (ROOT / "docs" / "frameworks").glob("*.md")} - {"index"}
    assert pages <= set(re.findall(r"^frameworks/(\w+)$", INDEX, re.MULTILINE))


@pytest.mark.parametrize("row", rows(OVERVIEW), ids=lambda row: row[0])
def test_extras_and_environments_of_the_overview_exist(row: list[str]) -> None:
    extras = re.findall(r"^([a-z0-9_-]+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`([\w-]+)`", row[2])) <= set(extras)
    name = environment_of(row)
    assert (name is None and row[6] == "in the suite") or name in ENVIRONMENTS
