"""The floors of the house hold, importing the library costs little, and importing any part of it does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.floors import module_files, problems

SOURCE = Path(__file__).resolve().parent.parent / "src"

GOING_UP: dict[tuple[str, str], str] = {
    ("bentoml.service.bento_service", "bentoml.saved_bundle"): "users call svc.save_to_dir()",
    (
        "bentoml.service.bento_service",
        "bentoml.saved_bundle.requirements.inference",
    ): "users call svc.infer_pip_dependencies_map()",
    ("bentoml.service.bento_service", "bentoml.yatai.client"): "users call svc.save()",
    ("bentoml.yatai.client", "bentoml.yatai.remote"): "users call get_yatai_client(url)",
    ("bentoml.yatai.repository", "bentoml.deploy.container"): "users call repository.containerize()",
}
"""Function-level imports that may go up, each with the reason."""

NOT_IMPORTABLE = {
    "bentoml.__main__": "runs the command line",
    "bentoml.yatai.migrations.env": "alembic runs it as a script, inside its own context",
}

HEAVY = {
    "PIL",
    "alembic",
    "cloudpickle",
    "httptools",
    "imageio",
    "joblib",
    "markdown_it",
    "msgpack",
    "msgspec",
    "numpy",
    "pandas",
    "prometheus_client",
    "pyarrow",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "starlette",
    "urllib3",
    "uvicorn",
    "uvloop",
}


def test_floors_of_the_library_hold() -> None:
    assert problems(SOURCE, GOING_UP) == []


TREES = [
    pytest.param({"exceptions": "", "service/env": "from bentoml import exceptions"}, {}, [], id="down"),
    pytest.param({"adapters/base": "", "service/env": "from bentoml.adapters import base"}, {}, [], id="same floor"),
    pytest.param(
        {"exceptions": "import bentoml.service.env", "service/env": ""}, {}, ["upward"], id="up from the ground floor"
    ),
    pytest.param(
        {"saved_bundle/save": "def f():\n    from bentoml.yatai import client", "yatai/client": ""},
        {},
        ["upward"],
        id="up inside a function",
    ),
    pytest.param(
        {"saved_bundle/save": "def f():\n    from bentoml.yatai import client", "yatai/client": ""},
        {("bentoml.saved_bundle.save", "bentoml.yatai.client"): "users expect it"},
        [],
        id="up inside a function, listed",
    ),
    pytest.param(
        {"saved_bundle/save": "from bentoml.yatai import client", "yatai/client": ""},
        {("bentoml.saved_bundle.save", "bentoml.yatai.client"): "users expect it"},
        ["upward", "listed but not needed"],
        id="listed, but at module level",
    ),
    pytest.param(
        {"saved_bundle/save": "", "yatai/client": ""},
        {("bentoml.saved_bundle.save", "bentoml.yatai.client"): "users expect it"},
        ["listed but not needed"],
        id="listed for nothing",
    ),
    pytest.param(
        {"server/front": "from bentoml.deploy.plan import x", "deploy/plan": ""}, {}, ["sideways"], id="sideways"
    ),
    pytest.param(
        {"server/front/app": "from bentoml.server.http import call", "server/http/call": ""},
        {},
        [],
        id="down inside the server",
    ),
    pytest.param(
        {"server/http/call": "from bentoml.server.front import app", "server/front/app": ""},
        {},
        ["upward"],
        id="up inside the server",
    ),
    pytest.param(
        {"server/front/app": "from bentoml.server.supervision import fleet", "server/supervision/fleet": ""},
        {},
        ["sideways"],
        id="sideways inside the server",
    ),
    pytest.param(
        {"yatai/client": "import bentoml.yatai.server.pages", "yatai/server/pages": ""},
        {},
        ["upward"],
        id="a room inside a room has its own floor",
    ),
    pytest.param(
        {"frameworks/sklearn": "from bentoml.service.artifacts.base import A", "service/artifacts/base": ""},
        {},
        [],
        id="leaf to its contract",
    ),
    pytest.param(
        {"frameworks/sklearn": "from bentoml.adapters import base", "adapters/base": ""},
        {},
        ["framework leaf"],
        id="leaf to another room",
    ),
    pytest.param(
        {"frameworks/a": "import bentoml.frameworks.b", "frameworks/b": ""}, {}, ["framework leaf"], id="leaf to leaf"
    ),
    pytest.param(
        {"service/a": "from . import b", "service/b": "from .c import x", "service/c": "from ..service import a"},
        {},
        ["cycle: bentoml.service.a -> bentoml.service.b -> bentoml.service.c -> bentoml.service.a"],
        id="relative cycle",
    ),
    pytest.param(
        {"service/a": "import bentoml.service.b", "service/b": "def f():\n    import bentoml.service.a"},
        {},
        ["cycle"],
        id="cycle through a function",
    ),
    pytest.param(
        {
            "types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bentoml.service import env",
            "service/env": "",
        },
        {},
        [],
        id="types only",
    ),
    pytest.param(
        {
            "types": "import typing as t\nif t.TYPE_CHECKING:\n    pass\nelse:\n    from bentoml.service import env",
            "service/env": "",
        },
        {},
        ["upward"],
        id="not types only",
    ),
    pytest.param(
        {"types": "import importlib\nimportlib.import_module('bentoml.service.env')", "service/env": ""},
        {},
        ["upward"],
        id="import_module",
    ),
    pytest.param({"types": "import bentoml"}, {}, ["upward"], id="the root package"),
    pytest.param({"attic/box": ""}, {}, ["no floor"], id="a room without a floor"),
    pytest.param({"types": "from bentoml.exception import X"}, {}, ["no such module"], id="a wrong name"),
]


@pytest.mark.parametrize(("tree", "allowed", "expected"), TREES)
def test_problems_on_a_small_tree_names_each_bad_edge(
    tmp_path: Path, tree: dict[str, str], allowed: dict[tuple[str, str], str], expected: list[str]
) -> None:
    (tmp_path / "bentoml").mkdir()
    (tmp_path / "bentoml" / "__init__.py").touch()
    for name, text in tree.items():
        path = tmp_path / "bentoml" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (path.parent / "__init__.py").exists() and path.parent.name != "attic":
            (path.parent / "__init__.py").touch()
        path.write_text(text, encoding="utf-8")

    found = problems(tmp_path, allowed)

    assert [word for word in expected if not any(word in line for line in found)] == []
    assert bool(found) == bool(expected), found


def run_child(code: str, *arguments: str, cwd: Path, **env: str) -> str:
    """Runs Python code in a fresh interpreter, returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["bentoml", "bentoml.cli.main", "bentoml.exceptions", "bentoml.types"])
def test_import_of_a_light_module_brings_no_heavy_library(tmp_path: Path, module: str) -> None:
    code = "import sys, importlib, json; importlib.import_module(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(run_child(code, module, cwd=tmp_path)))
    assert loaded & HEAVY == set()


EFFECTS = """
import importlib, json, logging, os, sys, threading
before = dict(os.environ)
for name in sys.argv[1:]:
    importlib.import_module(name)
library_loggers = [logging.getLogger(n) for n in logging.root.manager.loggerDict if n.split(".")[0] == "bentoml"]
handlers = [h for l in [logging.root, *library_loggers] for h in l.handlers if not isinstance(h, logging.NullHandler)]
print(json.dumps({
    "environment changed": dict(os.environ) != before,
    "threads": threading.active_count() - 1,
    "log handlers": len(handlers),
    "levels set": [l.name for l in library_loggers if l.level != logging.NOTSET],
    "files": os.listdir("."),
    "home made": os.path.exists(os.environ["BENTOML_HOME"]),
}))
"""


def test_import_of_every_module_has_no_effects(tmp_path: Path) -> None:
    names = [name for name in module_files(SOURCE) if name not in NOT_IMPORTABLE]
    work = tmp_path / "work"
    work.mkdir()
    printed = run_child(EFFECTS, *names, cwd=work, BENTOML_HOME=str(tmp_path / "home"))
    assert json.loads(printed) == {
        "environment changed": False,
        "threads": 0,
        "log handlers": 0,
        "levels set": [],
        "files": [],
        "home made": False,
    }
