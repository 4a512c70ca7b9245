"""The column of versions in the overview of frameworks."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

from scripts.framework_versions import MODULES, PAGE, module_of, rows, with_versions

TABLE = """
Before.

| Framework | Artifact | Extra | Files | Pickles | Device | Tested |
|---|---|---|---|---|---|---|
| [scikit-learn](sklearn.md) | `a` | `sklearn` | x | no | CPU | in the suite |
| [NumPy](numpy.md) | `a` | | x | no | CPU | environment `here` |
| [Absent](absent.md) | `a` | `absent` | x | no | CPU | environment `nowhere` |
| [Known](known.md) | `a` | `known` | x | no | CPU | environment `nowhere` | 7.1 |

After.
"""


def test_with_versions_fills_in_what_is_installed_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "here" / "bin").mkdir(parents=True)
    python = tmp_path / "here" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    text = with_versions(TABLE, tmp_path)
    assert [row[-1] for row in rows(text)] == [
        importlib.metadata.version("scikit-learn"),
        importlib.metadata.version("numpy"),
        "-",
        "7.1",
    ]
    assert "| Tested | Version |\n|---|---|---|---|---|---|---|---|\n" in text
    assert "| [NumPy](numpy.md) | `a` | | x |" in text
    assert (text.startswith("\nBefore."), text.endswith("\nAfter.\n")) == (True, True)
    assert with_versions(text, tmp_path) == text


def test_page_has_the_column() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "| Tested | Version |" in text
    assert any(row[-1] != "-" for row in rows(text))


def test_module_of_a_page_with_another_name_is_that_of_its_framework() -> None:
    names = {row[0]: module_of(row) for row in rows(PAGE.read_text(encoding="utf-8"))}
    assert names["[XGBoost](xgboost.md)"] == "xgboost"
    assert MODULES.items() <= names.items()
