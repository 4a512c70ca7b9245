"""Machines that share a bucket, and a catalog in PostgreSQL, without a server in between."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.server_process import served
from tests.storage.emulators import Emulator
from tests.yatai.bucket_places import emulator, emulator_in

__all__ = ["emulator", "emulator_in"]

pytestmark = [pytest.mark.environment("storage"), pytest.mark.timeout(300)]

SERVICE = """\
import sys
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import PickleArtifact


@bentoml.artifacts([PickleArtifact("factor")])
class Multiplier(bentoml.BentoService):
    @bentoml.api(input=JsonInput())
    def predict(self, value):
        return value * self.artifacts.factor


if __name__ == "__main__":
    print(Multiplier().pack("factor", int(sys.argv[1])).save(version=f"v{sys.argv[1]}"))
"""

Machine = Callable[[str], dict[str, str]]


@pytest.fixture
def machine(emulator: Emulator, postgres_url: str, tmp_path: Path) -> Machine:
    """The variables of a machine with a home of its own."""
    name = "BENTOML__YATAI__REPOSITORY"

    def configured(home: str) -> dict[str, str]:
        return {
            **os.environ,
            "BENTOML_HOME": str(tmp_path / home),
            "BENTOML__YATAI__DATABASE__URL": postgres_url,
            f"{name}__TYPE": "s3",
            f"{name}__S3__URL": emulator.url("shared"),
            # Nothing stays that is not in use.
            "BENTOML__YATAI__CACHE__MAX_BYTES": "0",
        }

    return configured


def run(env: dict[str, str], *words: str) -> str:
    done = subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_bundle_saved_on_one_machine_is_served_on_another(machine: Machine, tmp_path: Path) -> None:
    module = tmp_path / "multiplier.py"
    module.write_text(SERVICE)
    trainer, host = machine("trainer"), machine("host")
    for factor in ("2", "3"):
        address = run(trainer, str(module), factor).splitlines()[-1]
        assert address == f"s3://models/shared/Multiplier/v{factor}"
    assert "Multiplier:v3" in run(host, "-m", "bentoml", "list")
    command = [sys.executable, "-m", "bentoml", "serve", "Multiplier:v2", "--port", "0"]
    with served(command, host) as server:
        assert server.fetch("/predict", b"21") == (200, b"42")
        (copy,) = (tmp_path / "host" / "cache").glob("[0-9a-f]*/")
        assert "Loaded Multiplier:v3" in run(host, "-m", "bentoml", "load", "Multiplier:v3")
        run(host, "-m", "bentoml", "delete", "Multiplier:v2", "--yes")
        assert "Loaded Multiplier:v3" in run(host, "-m", "bentoml", "load", "Multiplier:v3")
        assert (copy / "bentoml.yml").is_file(), "it is served, whoever needs room, and whoever deletes it"
        assert server.fetch("/predict", b"2") == (200, b"4")
        status, _, _ = server.stop()
        assert status == 0
    run(trainer, "-m", "bentoml", "restore", "Multiplier:v2")
    assert "Loaded Multiplier:v2" in run(host, "-m", "bentoml", "load", "Multiplier:v2")
    assert ": 0 problems" in run(host, "-m", "bentoml", "yatai", "check", "--deep")
    assert not list((tmp_path / "trainer" / "staging").iterdir())
    assert not (tmp_path / "trainer" / "repository").exists()
