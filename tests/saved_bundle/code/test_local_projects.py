"""What was installed from a directory of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.saved_bundle.code.local_projects import LocalProject, local_projects, project_of

if TYPE_CHECKING:
    from tests.saved_bundle.installed_files import SitePackages

PYTHON = {"zed/__init__.py": "", "zed/py.typed": "", "../bin/zed": "", "zed-1.0.dist-info/METADATA": ""}
COPIED = {"url": "file:///src/my%20zed", "dir_info": {}}

PROJECTS: list[Any] = [
    pytest.param({"url": "file:///src/my%20zed", "dir_info": {"editable": True}}, {}, None, id="editable"),
    pytest.param(COPIED, PYTHON, {"zed/__init__.py"}, id="copied"),
]
OTHERS: list[Any] = [
    pytest.param(None, PYTHON, id="index"),
    pytest.param(COPIED, {}, id="without a record"),
    pytest.param(COPIED, {**PYTHON, "zed/words.json": ""}, id="with data"),
    pytest.param(COPIED, {**PYTHON, "zed/fast.so": ""}, id="compiled"),
    pytest.param({"url": "file:///src/zed.whl", "archive_info": {}}, PYTHON, id="wheel"),
    pytest.param({"url": "https://h/zed", "vcs_info": {"vcs": "git", "commit_id": "0"}}, PYTHON, id="repository"),
    pytest.param({"url": 3, "dir_info": {}}, PYTHON, id="malformed"),
    pytest.param("[1]", PYTHON, id="no object"),
]


@pytest.mark.parametrize(("origin", "files", "expected"), PROJECTS)
def test_local_projects_are_what_came_from_a_directory(
    site: SitePackages, origin: Any, files: dict[str, str], expected: set[str] | None
) -> None:
    site.add("Zed", "1.0", origin=origin, files={name: text for name, text in files.items() if ".dist-" not in name})
    found = [one for one in local_projects() if one.name == "Zed"]
    modules = None if expected is None else frozenset((site.directory / name).resolve() for name in expected)
    assert found == [LocalProject("Zed", Path("/src/my zed"), modules)]


@pytest.mark.parametrize(("origin", "files"), OTHERS)
def test_local_projects_are_not_what_others_can_install_or_what_is_more_than_python(
    site: SitePackages, origin: Any, files: dict[str, str]
) -> None:
    site.add("Zed", "1.0", origin=origin, files={name: text for name, text in files.items() if ".dist-" not in name})
    assert [one for one in local_projects() if one.name == "Zed"] == []


def test_project_of_a_file_is_the_innermost() -> None:
    outer, inner = LocalProject("outer", Path("/src")), LocalProject("inner", Path("/src/libs/inner"))
    copied = LocalProject("copied", Path("/elsewhere"), frozenset({Path("/src/libs/inner/.venv/copied.py")}))
    projects = [copied, inner, outer]
    assert project_of(Path("/src/a.py"), projects) is outer
    assert project_of(Path("/src/libs/inner/a.py"), projects) is inner
    assert project_of(Path("/src/libs/inner/.venv/copied.py"), projects) is copied
    assert project_of(Path("/other/a.py"), projects) is None
