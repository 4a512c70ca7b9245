"""`pip install <bundle>` into an environment that has nothing else: the module, the command, an sdist and a wheel."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.circle_bundle import PI, save_circle
from tests.cli.fresh_machine import Machine, run
from tests.cli.server_process import served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle in a directory with a blank in its name, for tests that only read."""
    root = tmp_path_factory.mktemp("saved here")
    return save_circle(root / "project", root / "the bundle")


@pytest.fixture(scope="module")
def installed(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with the package; the bundle that it was installed from is gone."""
    root = tmp_path_factory.mktemp("installed")
    machine = Machine.make(root / "environment")
    shutil.copytree(bundle, root / "copy of it")
    machine.run("pip", "install", "--no-input", root / "copy of it")
    shutil.rmtree(root / "copy of it")
    return machine


def test_installed_bundle_has_a_module_that_loads(installed: Machine) -> None:
    code = "import Circle; print(Circle.__version__, Circle.Circle.__name__, Circle.load().pi({})[0])"
    assert installed.run("python", "-c", code).split() == ["1.0", "Circle", PI]


def test_installed_bundle_has_a_command(installed: Machine) -> None:
    assert installed.run("Circle", "--version") == "Circle, version 1.0\n"
    assert "serve-gunicorn" in installed.run("Circle", "--help")
    assert json.loads(installed.run("Circle", "info"))["apis"][0]["name"] == "pi"
    assert json.loads(installed.run("Circle", "run", "pi", "--quiet", "--input", "{}")) == [PI, str(installed.home)]


def test_installed_bundle_serves(installed: Machine) -> None:
    with served([str(installed.home / "bin" / "Circle"), "serve", "--port", "0"], {}) as server:
        assert json.loads(server.fetch("/pi", b"{}")[1]) == [PI, str(installed.home)]
        assert server.stop()[0] == 0


def test_sdist_and_wheel_of_a_bundle_install_elsewhere(bundle: Path, installed: Machine, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    # Both as users make them: the wheel is built from the sdist, in a directory that is gone afterwards.
    run([sys.executable, "-m", "build", "--outdir", tmp_path / "dist", copy], tmp_path)
    shutil.rmtree(copy)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    library = next((bundle / "bundled_pip_dependencies").glob("*.whl"))
    for what in ([sdist], [wheel, library]):
        installed.run("pip", "uninstall", "--yes", "Circle")
        installed.run("pip", "install", "--no-input", "--force-reinstall", "--no-deps", *what)
        # It needs nothing that is not there, and what it was built in is not looked for.
        assert installed.run("pip", "check") == "No broken requirements found.\n"
        installed.run("pip", "install", "--no-input", *what)
        assert json.loads(installed.run("Circle", "run", "pi", "--quiet", "--input", "{}"))[0] == PI
