"""`bentoml env lock` with a real index, and a real pip that installs what was locked and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from packaging.markers import Marker

from bentoml.saved_bundle.integrity import verify_bundle
from bentoml.saved_bundle.requirements.lock import read_lock
from tests.cli.circle_bundle import save_circle
from tests.cli.fresh_machine import Machine
from tests.cli.saved_home import BENTOML

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


TOOLS = {"uv": ["--tool", "uv"], "pip": ["--tool", "pip"], "uv, for any": ["--platform", "any"]}


@pytest.fixture(scope="module", params=TOOLS)
def locked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that each tool has locked."""
    root = tmp_path_factory.mktemp("locked")
    bundle = save_circle(root / "project", root / "the bundle", env="pip_packages=['msgpack']")
    said = subprocess.run(
        [BENTOML, "env", "lock", str(bundle), *TOOLS[request.param]], check=True, capture_output=True, text=True
    ).stdout
    tool = request.param.partition(",")[0]
    assert re.fullmatch(rf"Locked .*the bundle: \d+ distributions, \d+ hashes, from {tool}\n", said), said
    return bundle


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.make(tmp_path / "environment")


def install(machine: Machine, bundle: Path) -> None:
    """As the documentation says: in the directory of the bundle."""
    subprocess.run(
        [machine.home / "bin" / "pip", "install", "--no-input", "--require-hashes", "-r", "requirements.lock"],
        cwd=bundle, check=True, capture_output=True, text=True,
    )  # fmt: skip


def test_pip_installs_what_was_locked_and_it_runs(locked: Path, machine: Machine) -> None:
    verify_bundle(locked)
    install(machine, locked)
    assert machine.run("pip", "check") == "No broken requirements found.\n"
    installed = set(machine.run("pip", "freeze", "--exclude", "bentoml").lower().replace("_", "-").split())
    lock = read_lock((locked / "requirements.lock").read_text())
    assert {str(pin) for pin in lock.pins if not pin.marker or Marker(pin.marker).evaluate()} == installed
    assert "Circle" in machine.run("bentoml", "info", locked)


@pytest.mark.parametrize("locked", ["uv"], indirect=True)
@pytest.mark.parametrize("what", ["the library", "another"])
def test_pip_refuses_a_file_that_was_not_locked(locked: Path, machine: Machine, tmp_path: Path, what: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(locked, copy)
    if what == "the library":
        (wheel,) = (copy / "bundled_pip_dependencies").glob("*.whl")
        with wheel.open("ab") as file:
            file.write(b"x")
    else:
        lock = (copy / "requirements.lock").read_text()
        name, rest = lock.split("\nclick==", 1)
        entry, _, others = rest.partition("\ncloudpickle==")
        entry = re.sub("sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", entry)
        (copy / "requirements.lock").write_text(f"{name}\nclick=={entry}\ncloudpickle=={others}")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        install(machine, copy)
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in failed.value.stderr
