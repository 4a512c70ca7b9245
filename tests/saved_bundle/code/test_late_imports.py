"""Import statements and `import_module` in code of a bundle, after it was loaded."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.saved_bundle.code.modules import BundleModules

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project

# Each function of the package `pkg.inner` imports something when it is called.
INNER = """
def absolute():
    import pkg.leaf
    return pkg.leaf.NAME

def absolute_as():
    import pkg.leaf as leaf
    return leaf.NAME

def submodule():
    from pkg import leaf
    return leaf.NAME

def relative():
    from .. import leaf
    return leaf.NAME

def relative_deep():
    from ..leaf import NAME
    return NAME

def sibling():
    from . import neighbour
    return neighbour.NAME

def star():
    space = {}
    exec("from pkg.leaf import *", globals(), space)
    return space["NAME"]

def by_call():
    return __import__("pkg.leaf").leaf.NAME

def by_importlib():
    import importlib
    return importlib.import_module("pkg.leaf").NAME

def by_importlib_relative():
    from importlib import import_module
    return import_module("...leaf", __name__).NAME

def by_pickle():
    import pickle
    return pickle.loads(b"cpkg.leaf\\nNAME\\n.")
"""
FUNCTIONS = [line.split()[1].split("(")[0] for line in INNER.splitlines() if line.startswith("def ")]


def write_bundle(root: Path, name: str) -> BundleModules:
    files = {
        "pkg/__init__.py": "",
        "pkg/leaf.py": f"NAME = {name!r}\n",
        "pkg/inner/__init__.py": "",
        "pkg/inner/neighbour.py": f"NAME = {name!r}\n",
        "pkg/inner/calls.py": INNER,
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return BundleModules(root, [root])


# Unpickling asks `sys.modules` alone, so that a bundle whose names are taken has to unpickle while it is loaded.
@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "by_pickle"])
def test_late_import_when_the_user_has_a_package_of_that_name_reaches_the_bundle(
    project: Project, tmp_path: Path, function: str
) -> None:
    project.write(pkg____init__="", pkg__leaf="NAME = 'mine'\n", pkg__inner____init__="")
    mine = project.import_("pkg.leaf")
    one, two = (write_bundle(tmp_path / name, name) for name in ("one", "two"))
    calls = {name: bundle.import_service_module("pkg.inner.calls") for name, bundle in (("one", one), ("two", two))}
    one.publish()
    two.publish()
    for name in ("one", "two", "one"):
        assert getattr(calls[name], function)() == name
    assert sys.modules["pkg.leaf"] is mine


@pytest.mark.parametrize("function", FUNCTIONS)
def test_late_import_when_the_name_is_free_reaches_the_bundle(project: Project, tmp_path: Path, function: str) -> None:
    bundle = write_bundle(tmp_path / "one", "one")
    calls = bundle.import_service_module("pkg.inner.calls")
    bundle.publish()
    assert getattr(calls, function)() == "one"


MISSING = [
    pytest.param("import pkg.nothing", "No module named 'pkg.nothing'", id="submodule"),
    pytest.param("from pkg import nothing", "cannot import name 'nothing' from 'pkg'", id="attribute"),
    pytest.param("from . import nothing", "cannot import name 'nothing' from 'pkg'", id="relative"),
    pytest.param("from ... import nothing", "beyond top-level package", id="too far up"),
    pytest.param("import nothing_like_it", "No module named 'nothing_like_it'", id="elsewhere"),
]


@pytest.mark.parametrize(("statement", "message"), MISSING)
def test_late_import_of_what_is_not_there_raises_as_python_does(
    project: Project, tmp_path: Path, statement: str, message: str
) -> None:
    bundle = write_bundle(tmp_path, "one")
    (tmp_path / "pkg" / "fails.py").write_text(f"def f():\n    {statement}\n")
    module = bundle.import_service_module("pkg.fails")
    with pytest.raises(ImportError, match=message):
        module.f()


def test_importlib_in_a_bundle_is_the_real_one_but_for_import_module(project: Project, tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(
        "import importlib, importlib.metadata as metadata\nfrom importlib import util\n"
        "version = importlib.metadata.version\n"
    )
    module: Any = BundleModules(tmp_path, [tmp_path]).import_service_module("user")
    assert module.importlib.reload is importlib.reload
    assert module.metadata is sys.modules["importlib.metadata"]
    assert module.util is sys.modules["importlib.util"]
    assert module.version("bentoml")
    assert module.importlib.import_module("json") is sys.modules["json"]


def test_late_import_of_a_failing_module_is_tried_again(project: Project, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, "one")
    (tmp_path / "pkg" / "flaky.py").write_text(
        "import sys\nif not hasattr(sys, 'flaky_ready'):\n    raise OSError('not yet')\n"
    )
    (tmp_path / "pkg" / "user.py").write_text("def f():\n    import pkg.flaky\n    return 'loaded'\n")
    module = bundle.import_service_module("pkg.user")
    with pytest.raises(OSError, match="not yet"):
        module.f()
    sys.flaky_ready = True  # type: ignore[attr-defined]
    try:
        assert module.f() == "loaded"
    finally:
        del sys.flaky_ready  # type: ignore[attr-defined]
