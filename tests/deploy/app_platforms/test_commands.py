"""`bentoml cloud-run` and `bentoml app-files`, from a saved bundle to a file."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from tests.cli.saved_home import SavedHome


@pytest.fixture(autouse=True)
def work(tmp_path: Path, saved: SavedHome, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in, and a home with `Scaler:1.0` and `Scaler:2.0`."""
    monkeypatch.setenv("BENTOML_HOME", str(saved.home))
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def run(line: str, status: int = 0) -> Result:
    done = CliRunner().invoke(commandline_interface, shlex.split(line))
    assert done.exit_code == status, done.output
    return done


def test_cloud_run_prints_and_writes_the_same_file(work: Path) -> None:
    line = (
        "cloud-run manifests scaler -b Scaler:latest --image eu/scaler --cpu 2 --memory 2Gi --no-cpu-throttling "
        "--concurrency 9 --timeout 90 --secret TOKEN=scaler:2 --env LEVEL=1 --env BENTOML_DEVICE=cpu --workers 2"
    )
    printed = run(line)
    assert printed.stderr == ""
    run(f"{line} --output-dir out")
    assert [each.name for each in (work / "out").iterdir()] == ["service.yaml"]
    assert (work / "out" / "service.yaml").read_text(encoding="utf-8") == printed.stdout
    template = yaml.safe_load(printed.stdout)["spec"]["template"]
    assert template["metadata"]["annotations"]["bentoml.org/bundle"] == "Scaler:2.0"
    assert template["metadata"]["annotations"]["run.googleapis.com/cpu-throttling"] == "false"
    assert (template["spec"]["containerConcurrency"], template["spec"]["timeoutSeconds"]) == (9, 90)
    (only,) = template["spec"]["containers"]
    assert only["image"] == "eu/scaler:2.0"
    assert only["resources"]["limits"] == {"cpu": "2", "memory": "2Gi"}
    assert {"name": "LEVEL", "value": "1"} in only["env"]


WRONG = [
    pytest.param("cloud-run manifests scaler -b Scaler:9 --image x", "not found", id="no bundle"),
    pytest.param("cloud-run manifests Scaler -b Scaler:latest --image x", "Cloud Run", id="name"),
    pytest.param("cloud-run manifests scaler -b Scaler:latest --image x --gpu-type h100", "nvidia-l4", id="option"),
]


@pytest.mark.parametrize(("line", "words"), WRONG)
def test_what_cannot_be_is_said_and_nothing_is_written(line: str, words: str, work: Path) -> None:
    done = run(f"{line} --output-dir out", 1)
    assert words in done.stderr
    assert list(work.iterdir()) == []


def test_a_directory_with_files_in_it_is_left_alone(work: Path) -> None:
    (work / "out").mkdir()
    (work / "out" / "service.yaml").write_text("mine")
    done = run("cloud-run manifests scaler -b Scaler:latest --image x --output-dir out", 1)
    assert "not empty" in done.stderr
    assert (work / "out" / "service.yaml").read_text() == "mine"
