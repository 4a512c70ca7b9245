"""Writes the table in docs/frameworks/index.md: what the artifacts say of themselves, and how they are tested.

    python -m scripts.frameworks_table [DIRECTORY]

Formats, and whether they can run code, are those that the classes declare; the contract tests hold them to it. Whether
a class takes a device is seen in its source, and where it is tested in the module of its contract test. The versions
are those in the environments of tests in the directory, `.venv-environments` by default; what is tested in the suite
is looked for in the running Python. A version stays as the page has it where its environment has not been made.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from bentoml.service.artifacts.base import BentoServiceArtifact
from bentoml.service.artifacts.common import PickleArtifact
from tests.frameworks.contract import FrameworkContract
from tests.service.artifact_contract import ArtifactContract

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.service.artifacts.base import FileFormat

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "frameworks" / "index.md"
HEADERS = ("Framework", "Artifact, in `bentoml`", "Extra", "Formats", "Safe", "Device", "Tested in", "Version")
UNKNOWN = "-"
SUITE = "the suite"

# By class, where it is not as the module of the artifact is named, or as its page is headed.
_TITLES = {"PytorchModelArtifact": "PyTorch", "PytorchLightningModelArtifact": "PyTorch Lightning"}
_LIBRARIES = {
    "CoreMLModelArtifact": "coremltools",
    "GluonModelArtifact": "mxnet",
    "OnnxModelArtifact": "onnxruntime",
    "PytorchLightningModelArtifact": "pytorch_lightning",
    "PytorchModelArtifact": "torch",
}
_EXTRAS = {"PytorchLightningModelArtifact": ("pytorch-lightning",), "SklearnModelArtifact": ("sklearn", "skops")}
# Where users import a class from, if not from its module.
_HOMES: dict[type, str] = {PickleArtifact: "bentoml.service.artifacts.common"}
# Frameworks whose models go into artifacts for anything. They have a page, and a test module of the same name.
_WITHOUT_CLASS = ("statsmodels",)

# Distributions that provide a module, in the environment that runs it.
_ASK = """
import importlib.metadata, sys
names = importlib.metadata.packages_distributions().get(sys.argv[1], [])
print(importlib.metadata.version(names[0]) if names else "")
"""


@dataclass(frozen=True)
class Contract:
    """A test class that holds one format of an artifact to the contract.

    Attributes:
        artifact: class of the artifact.
        test: the test class.
        environment: that it is tested in; None for that of the suite.
    """

    artifact: type[BentoServiceArtifact]
    test: type[FrameworkContract]
    environment: str | None


@dataclass(frozen=True)
class Framework:
    """One line of the table.

    Attributes:
        page: name of its page.
        artifact: class that its models go into.
        contracts: the tests of that class with its models.
    """

    page: str
    artifact: type[BentoServiceArtifact]
    contracts: tuple[Contract, ...]

    @property
    def title(self) -> str:
        """How it is called."""
        first = (PAGE.parent / f"{self.page}.md").read_text(encoding="utf-8").partition("\n")[0]
        return _TITLES.get(self.artifact.__name__, first.removeprefix("# "))

    @property
    def library(self) -> str:
        """The module that is imported."""
        return _LIBRARIES.get(self.artifact.__name__, self.page)

    @property
    def environment(self) -> str | None:
        """That it is tested in; None for that of the suite."""
        names = {contract.environment for contract in self.contracts}
        assert len(names) <= 1, (self.title, names)
        return next(iter(names), None)

    @property
    def takes_device(self) -> bool:
        """Whether the class asks for the chosen device."""
        tree = ast.parse(inspect.getsource(self.artifact))
        return any(isinstance(node, ast.Attribute) and node.attr == "chosen_device" for node in ast.walk(tree))


def contracts() -> list[Contract]:
    """Those of all modules in tests/frameworks."""
    found = []
    for path in sorted((ROOT / "tests" / "frameworks").glob("test_*.py")):
        module = importlib.import_module(f"tests.frameworks.{path.stem}")
        marks = getattr(module, "pytestmark", [])
        names = [mark.args[0] for mark in (marks if isinstance(marks, list) else [marks]) if mark.name == "environment"]
        own = [test for test in vars(module).values() if getattr(test, "__module__", "") == module.__name__]
        environment = names[0] if names else None
        found += [Contract(get_type_hints(test.new)["return"], test, environment) for test in own if _is_contract(test)]
    return found


def artifact_classes() -> list[type[BentoServiceArtifact]]:
    """The public ones in `bentoml.frameworks`, sorted by module."""
    found = []
    for path in sorted((ROOT / "src" / "bentoml" / "frameworks").glob("[!_]*.py")):
        module = importlib.import_module(f"bentoml.frameworks.{path.stem}")
        own = (kind for kind in vars(module).values() if getattr(kind, "__module__", "") == module.__name__)
        found += [kind for kind in own if _is_artifact(kind) and not kind.__name__.startswith("_")]
    return found


def frameworks() -> list[Framework]:
    """All of them, in the order of their names."""
    tests = contracts()
    found = [
        Framework(kind.__module__.rpartition(".")[2], kind, tuple(test for test in tests if test.artifact is kind))
        for kind in artifact_classes()
    ]
    for page in _WITHOUT_CLASS:
        those = tuple(test for test in tests if test.test.__module__ == f"tests.frameworks.test_{page}")
        found.append(Framework(page, those[0].artifact, those))
    return sorted(found, key=lambda framework: framework.title.casefold())


def with_table(text: str, known: list[Framework], versions: Mapping[str, str]) -> str:
    """The page with its table written anew.

    Args:
        text: the page; its versions stay where no others are given.
        known: the frameworks.
        versions: of those that are installed, by title.
    """
    kept = versions_on(text)
    lines = [_line(HEADERS), "|" + "---|" * len(HEADERS)]
    for one in known:
        version = versions.get(one.title) or kept.get(one.title, UNKNOWN)
        lines.append(_line((*cells_of(one), version)))
    new = "\n".join([*lines, ""])
    return re.sub(r"(^\|.*\n)+", lambda _: new, text, count=1, flags=re.MULTILINE)


def cells_of(framework: Framework) -> tuple[str, ...]:
    """All of a line but the version."""
    kind, formats = framework.artifact, framework.artifact.formats
    extras = re.findall(r"^([a-z0-9_-]+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    wanted = _EXTRAS.get(kind.__name__, (framework.page,))
    return (
        f"[{framework.title}]({framework.page}.md)",
        f"`{_HOMES.get(kind, kind.__module__).removeprefix('bentoml.')}.{kind.__name__}`",
        ", ".join(f"`{extra}`" for extra in wanted if extra in extras),
        "; ".join(_format_cell(form) for form in formats) or UNKNOWN,
        _safe_cell(formats),
        "chosen" if framework.takes_device else "CPU" if formats else UNKNOWN,
        SUITE if framework.environment is None else f"`{framework.environment}`",
    )


def versions_on(text: str) -> dict[str, str]:
    """What the page says was tested, by title."""
    return dict(re.findall(r"^\| \[(.+?)\].*\| ([^|]+) \|$", text, re.MULTILINE))


def installed_versions(known: list[Framework], environments: Path) -> dict[str, str]:
    """The versions in the environments that have been made, and in the running Python, by title."""
    found = {}
    for one in known:
        name = one.environment
        python = Path(sys.executable) if name is None else environments / name / "bin" / "python"
        found[one.title] = _installed_version(one.library, python) if python.exists() else ""
    return found


def _installed_version(module: str, python: Path) -> str:
    """The version of what provides a module, without a part such as `+cpu`; empty when there is none."""
    done = subprocess.run([str(python), "-c", _ASK, module], capture_output=True, text=True, check=True)
    return done.stdout.strip().partition("+")[0]


def _is_artifact(kind: object) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BentoServiceArtifact)


def _is_contract(test: Any) -> bool:
    """Whether something is a class of tests that run, not a base of such."""
    is_contract = inspect.isclass(test) and issubclass(test, FrameworkContract) and getattr(test, "__test__", True)
    return is_contract and test.new is not ArtifactContract.new


def _format_cell(form: FileFormat) -> str:
    names = ", ".join(f"`{suffix}`" if suffix.strip("/") else f"`<name>{suffix}`" for suffix in form.suffixes)
    return f"{form.words}: {names}"


def _safe_cell(formats: tuple[FileFormat, ...]) -> str:
    """One word for all formats where there is one; else one for each."""
    words = {form.words: _safety(form) for form in formats}
    if len(set(words.values())) <= 1:
        return next(iter(words.values()), UNKNOWN)
    return "; ".join(f"{name}: {word}" for name, word in words.items())


def _safety(form: FileFormat) -> str:
    if isinstance(form.runs_code, str):
        return f"no when {form.runs_code}"
    return "no" if form.runs_code else "yes"


def _line(cells: tuple[str, ...]) -> str:
    # An empty cell is one blank wide, as elsewhere in the documentation.
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".venv-environments"
    every = frameworks()
    page = with_table(PAGE.read_text(encoding="utf-8"), every, installed_versions(every, directory))
    PAGE.write_text(page, encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
