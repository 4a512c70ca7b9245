"""Writes into docs/frameworks/index.md which versions the frameworks have where they are tested.

    python scripts/framework_versions.py [DIRECTORY]

The directory holds the environments of tests, `.venv-environments` by default; what is tested in the suite is looked
for in the running Python. A version stays as it is where its environment has not been made.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "frameworks" / "index.md"
HEADERS = ("Framework", "Artifact", "Extra", "Files", "Pickles", "Device", "Tested", "Version")
UNKNOWN = "-"
# Modules that are not named as the page, by the first cell.
MODULES = {
    "[Core ML](coreml.md)": "coremltools",
    "[Gluon](gluon.md)": "mxnet",
    "[ONNX](onnx.md)": "onnxruntime",
    "[PyTorch](pytorch.md)": "torch",
    "[PyTorch Lightning](pytorch.md)": "pytorch_lightning",
}

# Distributions that provide a module, in the environment that runs it.
_ASK = """
import importlib.metadata, sys
names = importlib.metadata.packages_distributions().get(sys.argv[1], [])
print(importlib.metadata.version(names[0]) if names else "")
"""


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of the table, without its head; a missing version is `UNKNOWN`."""
    found = []
    for line in text.splitlines():
        if line.startswith("| ["):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            found.append(cells + [UNKNOWN] * (len(HEADERS) - len(cells)))
    return found


def module_of(row: list[str]) -> str:
    """The module of a framework, mostly that of its page."""
    if row[0] in MODULES:
        return MODULES[row[0]]
    found = re.search(r"\((\w+)\.md\)", row[0])
    assert found is not None, row
    return found[1]


def environment_of(row: list[str]) -> str | None:
    """The environment that a framework is tested in; None for that of the suite."""
    found = re.search(r"environment `([\w-]+)`", row[6])
    return None if found is None else found[1]


def installed_version(module: str, python: Path) -> str:
    """The version of what provides a module, without a part such as `+cpu`; empty when there is none."""
    done = subprocess.run([str(python), "-c", _ASK, module], capture_output=True, text=True, check=True)
    return done.stdout.strip().partition("+")[0]


def with_versions(text: str, environments: Path) -> str:
    """The page with the versions that are installed now."""
    lines = []
    for line in text.splitlines():
        if line.startswith("| Framework"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            lines.append(_line([*cells[:7], HEADERS[7]]))
        elif line.startswith("|---"):
            lines.append("|" + "---|" * len(HEADERS))
        elif line.startswith("| ["):
            (row,) = rows(line)
            name = environment_of(row)
            python = Path(sys.executable) if name is None else environments / name / "bin" / "python"
            version = installed_version(module_of(row), python) if python.exists() else ""
            lines.append(_line([*row[:7], version or row[7]]))
        else:
            lines.append(line)
    return "\n".join([*lines, ""])


def _line(cells: list[str]) -> str:
    # An empty cell is one blank wide, as elsewhere in the documentation.
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".venv-environments"
    PAGE.write_text(with_versions(PAGE.read_text(encoding="utf-8"), directory), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
