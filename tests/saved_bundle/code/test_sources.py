"""Which files of a project are captured, and what is said to be needed or missing."""

from __future__ import annotations

import logging
import os
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.saved_bundle.code.service_module import find_service_module
from bentoml.saved_bundle.code.sources import SourceTree, collect_sources
from bentoml.saved_bundle.requirements.inference import inferred_from

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages

SERVICE = "import bentoml\nclass Service(bentoml.BentoService): pass\n"

# name, what the module `svc` says, the project's other files, captured files besides svc.py, missing modules
CASES: list[tuple[str, str, dict[str, str], set[str], set[str]]] = [
    ("nothing", "", {"other.py": ""}, set(), set()),
    ("sibling", "import a", {"a.py": ""}, {"a.py"}, set()),
    ("recursive", "import a", {"a.py": "import b", "b.py": "import a, svc"}, {"a.py", "b.py"}, set()),
    ("inside a function", "def f():\n    import a", {"a.py": ""}, {"a.py"}, set()),
    (
        "package",
        "import p.q",
        {"p/__init__.py": "import a", "p/q.py": "", "p/unused.py": "", "a.py": ""},
        {"p/__init__.py", "p/q.py", "a.py"},
        set(),
    ),
    (
        "submodule by from",
        "from p import q, value",
        {"p/__init__.py": "value = 1", "p/q.py": ""},
        {"p/__init__.py", "p/q.py"},
        set(),
    ),
    (
        "subpackage by from",
        "from p import q",
        {"p/__init__.py": "", "p/q/__init__.py": "from .r import x", "p/q/r.py": "x = 1"},
        {"p/__init__.py", "p/q/__init__.py", "p/q/r.py"},
        set(),
    ),
    (
        "relative",
        "import p.q.r",
        {
            "p/__init__.py": "",
            "p/q/__init__.py": "",
            "p/q/r.py": "from . import s\nfrom .. import t\nfrom ..u import v\nfrom .s import *",
            "p/q/s.py": "",
            "p/t.py": "",
            "p/u.py": "v = 1",
        },
        {"p/__init__.py", "p/q/__init__.py", "p/q/r.py", "p/q/s.py", "p/t.py", "p/u.py"},
        set(),
    ),
    (
        "star with __all__",
        "from p import *",
        {"p/__init__.py": "__all__ = ['q', 'x']\nx = 1", "p/q.py": "", "p/r.py": ""},
        {"p/__init__.py", "p/q.py"},
        set(),
    ),
    (
        "namespace package",
        "from n.m import k",
        {"n/m/k.py": "", "n/data.txt": ""},
        {"n/m/k.py"},
        set(),
    ),
    ("missing", "import nowhere, nowhere_else.x", {}, set(), {"nowhere", "nowhere_else"}),
    ("missing submodule", "import p.q", {"p/__init__.py": ""}, {"p/__init__.py"}, {"p.q"}),
    ("optional", "try:\n    import nowhere\nexcept ImportError:\n    import a", {"a.py": ""}, {"a.py"}, set()),
    ("by name", "import importlib\nimportlib.import_module('p.q')", {"p/q.py": ""}, {"p/q.py"}, set()),
    ("types only", "import typing\nif typing.TYPE_CHECKING:\n    import a", {"a.py": "import nowhere"}, set(), set()),
    (
        "types only, of others",
        "if TYPE_CHECKING:\n    import nowhere, yaml\nif False:\n    import a",
        {"a.py": ""},
        set(),
        set(),
    ),
    (
        "another platform",
        "import sys\nif sys.platform == 'aix':\n    import a, nowhere",
        {"a.py": "import b, yaml", "b.py": "import nowhere_else"},
        {"a.py", "b.py"},
        set(),
    ),
    (
        "another Python",
        "import sys\nif sys.version_info < (3,):\n    import a, nowhere\nelse:\n    import b",
        {"a.py": "", "b.py": "import gone"},
        {"a.py", "b.py"},
        {"gone"},
    ),
    (
        "another Python, in its syntax",
        "import sys\nif sys.version_info < (3,):\n    import a\n    from p import *",
        {"a.py": "print 'two'", "p/__init__.py": "print 'two'"},
        {"a.py", "p/__init__.py"},
        set(),
    ),
    (
        "another platform, and always",
        "import sys\nif sys.platform == 'aix':\n    import a\nimport b",
        {"a.py": "import gone", "b.py": "import a"},
        {"a.py", "b.py"},
        {"gone"},
    ),
    (
        "fallback that is not needed",
        "try:\n    import b\nexcept ImportError:\n    import a, yaml",
        {"a.py": "import nowhere", "b.py": ""},
        {"a.py", "b.py"},
        set(),
    ),
    (
        "by relative name",
        "import p",
        {"p/__init__.py": "import_module('.q', __name__)", "p/q.py": ""},
        {"p/__init__.py", "p/q.py"},
        set(),
    ),
    ("suppressed", "with suppress(ImportError):\n    import nowhere", {}, set(), set()),
    ("standard library", "import json.decoder, os.path, sys, asyncio, distutils_", {}, set(), {"distutils_"}),
    ("under a name of the standard library", "import queue", {"queue.py": "import nowhere"}, set(), set()),
    ("bentoml", "import bentoml.adapters\nfrom bentoml.service import x", {}, set(), set()),
    ("odd encoding", "import a", {"a.py": "# -*- coding: utf-8 -*-\nx = 'ü'"}, {"a.py"}, set()),
]


@pytest.mark.parametrize(
    ("source", "files", "captured", "missing"), [pytest.param(*rest, id=name) for name, *rest in CASES]
)
def test_collect_sources_follows_imports(
    project: Project, source: str, files: dict[str, str], captured: set[str], missing: set[str]
) -> None:
    for name, text in files.items():
        project.write_file(name, text)
    # The module in the process is empty, so that nothing but the syntax tree can tell what it imports.
    project.write(svc=SERVICE)
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}{source}\n")
    tree = collect_sources(module)
    assert set(tree.files) == {"svc.py", *captured}
    assert set(tree.missing) == missing
    assert all(place.startswith(str(project.root)) for places in tree.missing.values() for place in places)
    assert tree.external == {}


def test_collect_sources_of_a_service_inside_a_package_takes_its_parents(project: Project) -> None:
    project.write(
        shop____init__="from .words import WORD", shop__words="WORD = 1", shop__ml____init__="", shop__unused=""
    )
    project.write(shop__ml__svc=f"{SERVICE}from .. import words\n")
    tree = collect_sources(find_service_module(project.import_("shop.ml.svc").Service))
    assert set(tree.files) == {"shop/__init__.py", "shop/words.py", "shop/ml/__init__.py", "shop/ml/svc.py"}


def test_collect_sources_of_a_service_in_an_init_file(project: Project) -> None:
    project.write(shop____init__=f"{SERVICE}from .words import WORD\n", shop__words="WORD = 1")
    module = find_service_module(project.import_("shop").Service)
    assert (module.name, module.bundle_path) == ("shop", "shop/__init__.py")
    assert set(collect_sources(module).files) == {"shop/__init__.py", "shop/words.py"}


def test_collect_sources_runs_nothing(project: Project) -> None:
    project.write(svc=SERVICE, trap="raise SystemExit('imported')", p____init__="raise SystemExit('imported')", p__q="")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import trap, p.q\n")
    assert set(collect_sources(module).files) == {"svc.py", "trap.py", "p/__init__.py", "p/q.py"}
    assert "trap" not in sys.modules


def test_collect_sources_names_distributions_with_the_place_of_their_import(project: Project) -> None:
    project.write(svc=SERVICE, helper="\nimport yaml.nodes\nimport yaml, yaml.tokens\n")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import helper\nimport numpy.linalg as linalg\nfrom sklearn import svm\n")
    tree = collect_sources(module)
    assert set(tree.external) == {"numpy", "sklearn", "yaml"}
    assert tree.external["yaml"] == [f"{project.root / 'helper.py'}:{line}" for line in (2, 3)]
    assert set(tree.files) == {"svc.py", "helper.py"}


def test_collect_sources_takes_a_shadow_of_the_standard_library_that_is_in_use(project: Project) -> None:
    project.write(svc=SERVICE, this="x = 1")
    project.forget("this")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import this\n")
    assert project.import_("this").x == 1
    assert set(collect_sources(module).files) == {"svc.py", "this.py"}


def test_collect_sources_without_the_project_on_the_path_looks_beside_the_service(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(svc=SERVICE, a="", p____init__="", p__q="")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import a, p.q\n")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(project.root)])
    assert set(collect_sources(module).files) == {"svc.py", "a.py", "p/__init__.py", "p/q.py"}


def installed_library(root: Path, *, editable: bool) -> None:
    """A distribution `shiny` in a directory of its own, as `pip install --target` makes one."""
    (root / "shiny").mkdir(parents=True)
    (root / "shiny" / "__init__.py").write_text("")
    info = root / "shiny_dist-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shiny-dist\nVersion: 1.2\n")
    (info / "RECORD").write_text("_shiny.pth,,\n" if editable else "shiny/__init__.py,,\n")


def test_collect_sources_takes_a_shadow_of_the_standard_library_that_would_be_found_first(project: Project) -> None:
    project.write(svc=SERVICE, this="x = 1", json="x = 1", sys="x = 1")
    project.forget("this")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import this, json, sys\n")
    assert set(collect_sources(module).files) == {"svc.py", "this.py"}


def test_collect_sources_of_a_service_in_a_namespace_of_installed_distributions_takes_its_own_code_alone(
    project: Project, site: SitePackages
) -> None:
    site.add("acme-core", "1.0", files={"acme/core/__init__.py": ""})
    project.write(acme__shop____init__="", acme__shop__words="", acme__other="")
    project.write(acme__shop__svc=f"{SERVICE}from . import words\nimport acme.core, acme.other\n")
    tree = collect_sources(find_service_module(project.import_("acme.shop.svc").Service))
    assert set(tree.files) == {"acme/shop/__init__.py", "acme/shop/svc.py", "acme/shop/words.py", "acme/other.py"}
    assert set(tree.external) == {"acme.core"}
    assert tree.shared == {"acme"}


def test_collect_sources_of_an_egg_on_the_path_names_its_distribution(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "eggy-1.5-py3.egg"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("eggy/__init__.py", "import yaml")
        archive.writestr("EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: eggy\nVersion: 1.5\n")
        archive.writestr("EGG-INFO/SOURCES.txt", "setup.py\neggy/__init__.py\n")
    monkeypatch.syspath_prepend(str(path))
    project.write(svc=SERVICE)
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import eggy\n")
    tree = collect_sources(module)
    assert [str(one) for one in inferred_from(tree).found] == ["eggy==1.5"]


def test_collect_sources_of_a_broken_module_for_another_python_notes_it(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.write(svc=SERVICE, old="print 'two'")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import sys\nif sys.version_info < (3,):\n    import old\n")
    tree = collect_sources(module)
    assert (str(project.root / "old.py") + ":1", "its imports cannot be read: it is not valid Python") in {
        (one.place, one.rule) for one in tree.left_out
    }
    assert caplog.messages == []


def test_collect_sources_of_a_broken_package_names_it_when_all_is_imported_from_it(project: Project) -> None:
    project.write(svc=SERVICE, p____init__="def f(:\n")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}from p import *\n")
    with pytest.raises(BentoMLException, match=r"p/__init__\.py is imported by the service but cannot be parsed"):
        collect_sources(module)


def test_collect_sources_of_thousands_of_files_looks_at_their_directory_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(400):
        project.write_file(f"m{number}.py", f"import os, m{(number + 1) % 400}\n")
    project.write(svc=SERVICE)
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import m0\n")
    listed: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> Any:
        listed.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    assert len(collect_sources(module).files) == 401
    assert listed.count(str(project.root)) < 10


@pytest.mark.parametrize(("editable", "captured"), [(False, set()), (True, {"shiny/__init__.py"})])
def test_collect_sources_of_a_library_outside_of_site_packages_depends_on_how_it_was_installed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, editable: bool, captured: set[str]
) -> None:
    installed_library(tmp_path / "libs", editable=editable)
    monkeypatch.syspath_prepend(str(tmp_path / "libs"))
    project.write(svc=SERVICE)
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import shiny\n")
    tree = collect_sources(module)
    assert set(tree.files) == {"svc.py", *captured}
    assert set(tree.external) == (set() if editable else {"shiny"})


def test_collect_sources_of_a_compiled_module_warns(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    import importlib.machinery

    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    project.write_file(f"fast{suffix}", "")
    project.write(svc=SERVICE)
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import fast\nimport fast\n")
    caplog.set_level(logging.WARNING)
    assert set(collect_sources(module).files) == {"svc.py"}
    assert len(caplog.messages) == 1
    assert "imports fast" in caplog.text


LEFT_OUT = """
import json, typing, bentoml
import sys, importlib
if typing.TYPE_CHECKING:
    import numpy, own_types
if False:
    import click
if sys.version_info < (3, 10):
    import importlib_metadata
if sys.platform == 'aix':
    import pandas
try:
    import tomllib_, yaml
except ImportError:
    import tomli
try:
    import yaml
except ImportError:
    import ruamel
importlib.import_module(some.name)
importlib.import_module('not_there')
"""


def test_collect_sources_notes_what_brings_no_requirement_and_why(project: Project) -> None:
    project.write(svc=SERVICE, own_types="")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}{LEFT_OUT}")
    tree = collect_sources(module)
    assert set(tree.external) == {"yaml"}
    assert tree.missing == {}
    assert {(one.name, one.place.rpartition(":")[2], one.rule) for one in tree.left_out} == {
        ("bentoml", "1", "part of every environment"),
        ("bentoml", "4", "part of every environment"),
        ("json", "4", "standard library"),
        ("typing", "4", "standard library"),
        ("sys", "5", "standard library"),
        ("importlib", "5", "standard library"),
        ("numpy", "7", "only for type checkers"),
        ("click", "9", "never runs"),
        ("importlib_metadata", "11", "only for another version of Python"),
        ("pandas", "13", "only on another platform"),
        ("tomllib_", "15", "optional, and not installed here"),
        ("tomli", "17", "optional, and not installed here"),
        ("ruamel", "21", "fallback for an import that works here"),
        ("importlib.import_module(some.name)", "22", "its name is only known at run time"),
        ("not_there", "23", "optional, and not installed here"),
    }


def test_collect_sources_of_an_import_on_this_platform_only_gives_the_marker(project: Project) -> None:
    project.write(svc=SERVICE)
    module = find_service_module(project.import_("svc").Service)
    condition = f"import sys\nif sys.platform == {sys.platform!r}:\n    import yaml, click\n    import numpy\n"
    project.write(svc=f"{SERVICE}{condition}import numpy\nif sys.platform != 'aix':\n    import click\n")
    tree = collect_sources(module)
    assert set(tree.external) == {"yaml", "click", "numpy"}
    # click is imported under two conditions, numpy also under none.
    assert tree.markers == {"yaml": f'sys_platform == "{sys.platform}"'}


def test_collect_sources_of_an_archive_with_broken_files_goes_on(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with zipfile.ZipFile(project.root / "zipped.zip", "w") as archive:
        archive.writestr("inzip/old.py", "print 'two'")
        archive.writestr("inzip/new.py", "import yaml")
    project.write(svc=SERVICE)
    module = find_service_module(project.import_("svc").Service)
    tree = collect_sources(module, [project.root / "zipped.zip"])
    assert set(tree.external) == {"yaml"}
    assert "inzip/old.py" in caplog.text
    assert [one.name for one in tree.left_out if "not valid Python" in one.rule] == ["inzip/old.py"]


def test_collect_sources_takes_an_archive_before_what_is_installed(project: Project) -> None:
    with zipfile.ZipFile(project.root / "zipped.zip", "w") as archive:
        archive.writestr("yaml/__init__.py", "")
        archive.writestr("json/__init__.py", "")
    project.write(svc=SERVICE)
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import yaml.nodes, json, click\n")
    tree = collect_sources(module, [project.root / "zipped.zip"])
    assert set(tree.external) == {"click"}
    assert {one.name for one in tree.left_out} == {"bentoml", "json"}


def test_collect_sources_of_an_archive_that_is_on_the_path_takes_it_for_what_it_is(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = project.root / "zipped.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inzip/__init__.py", "import yaml")
    monkeypatch.syspath_prepend(str(path))
    project.write(svc=f"{SERVICE}import inzip\n")
    module = find_service_module(project.import_("svc").Service)
    tree = collect_sources(module, [path])
    assert set(tree.external) == {"yaml"}
    assert {one.name for one in tree.left_out} == {"bentoml"}
    assert caplog.messages == []


def test_collect_sources_of_a_broken_module_names_it(project: Project) -> None:
    project.write(svc=SERVICE, broken="def f(:\n")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import broken\n")
    with pytest.raises(BentoMLException, match=r"broken\.py is imported by the service but cannot be parsed"):
        collect_sources(module)


def test_collect_sources_reads_imports_inside_archives(project: Project) -> None:
    with zipfile.ZipFile(project.root / "zipped.zip", "w") as archive:
        archive.writestr("inzip/__init__.py", "from . import deep\nimport yaml, a")
        archive.writestr("inzip/deep.py", "import nowhere")
    project.write(svc=SERVICE, a="")
    module = find_service_module(project.import_("svc").Service)
    project.write(svc=f"{SERVICE}import inzip.deep\n")
    tree = collect_sources(module, [project.root / "zipped.zip"])
    assert set(tree.files) == {"svc.py", "a.py"}
    assert set(tree.external) == {"yaml"}
    assert tree.missing == {"nowhere": [f"{project.root}/zipped.zip/inzip/deep.py:1"]}


def test_copy_to_keeps_paths_and_makes_packages(tmp_path: Path) -> None:
    (tmp_path / "k.py").write_text("k = 1")
    (tmp_path / "target").mkdir()
    SourceTree(files={"n/m/k.py": tmp_path / "k.py", "k.py": tmp_path / "k.py"}).copy_to(tmp_path / "target")
    found = {path.relative_to(tmp_path / "target").as_posix() for path in (tmp_path / "target").rglob("*.py")}
    assert found == {"k.py", "n/__init__.py", "n/m/__init__.py", "n/m/k.py"}


def test_copy_to_never_replaces_a_file_of_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("mine")
    (tmp_path / "target" / "artifacts").mkdir(parents=True)
    (tmp_path / "target" / "artifacts" / "a.py").write_text("artifact")
    with pytest.raises(InvalidArgument, match=r"the bundle has a file of its own called artifacts/a.py"):
        SourceTree(files={"artifacts/a.py": tmp_path / "a.py"}).copy_to(tmp_path / "target")
