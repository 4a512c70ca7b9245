"""A user's project in a temporary directory, whose modules are imported and forgotten again."""

from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.saved_bundle.installed_files import SitePackages
from tests.saved_bundle.package_index import Index, running_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

SERVICE = """
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import PickleArtifact


@bentoml.artifacts([PickleArtifact("model")])
class Greeter(bentoml.BentoService):
    '''Greets.'''

    @bentoml.api(input=JsonInput())
    def greet(self, who):
        return f"{self.artifacts.model} {who}"
"""


class Project:
    """Files that a user wrote."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **files: str) -> None:
        """Writes modules; `pkg__sub="..."` is `pkg/sub.py`, `pkg____init__` is `pkg/__init__.py`."""
        for name, text in files.items():
            package, init, _ = name.partition("____init__")
            self.write_file(f"{package.replace('__', '/')}{'/__init__' if init else ''}.py", text)

    def write_file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def import_(self, name: str) -> ModuleType:
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def greeter(self, model: Any = "hello", version: str = "1.0", source: str = SERVICE) -> Any:
        """A packed service, in a module `greeter` that stands in `sys.modules`."""
        self.write(greeter=source)
        self.forget("greeter")
        service = self.import_("greeter").Greeter()
        service.pack("model", model)
        service.set_version(version)
        return service

    def forget(self, *names: str) -> None:
        """Removes modules from the process, as if it had started anew."""
        for name in list(sys.modules):
            if name.partition(".")[0] in names:
                del sys.modules[name]


@pytest.fixture(autouse=True)
def forgotten_modules(tmp_path: Path) -> Iterator[None]:
    """Removes the modules that came from the test's own directory, be it a project or a loaded bundle."""
    before = set(sys.modules)
    yield
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
        if name not in before and str(file).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    # Bytecode written in the same second as a changed source would be taken for it.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(root))
    return Project(root)


@pytest.fixture
def bundle_dir(tmp_path: Path) -> Path:
    """An empty directory to save into."""
    directory = tmp_path / "bundle"
    directory.mkdir()
    return directory


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SitePackages:
    """Distributions of this test alone."""
    return SitePackages(tmp_path / "site", monkeypatch)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index that uv and pip ask, and no other."""
    with running_index(tmp_path, monkeypatch) as running:
        yield running
