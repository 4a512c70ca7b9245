"""`bentoml cloud-run` and `bentoml app-files`, from a saved bundle to a file."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from bentoml.cli.app_files import PLATFORMS
from bentoml.cli.main import commandline_interface
from bentoml.deploy import app_platforms
from tests.cli.saved_home import SavedHome
from tests.deploy.app_platforms import heroku


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


def test_app_files_prints_one_file_and_writes_several(work: Path) -> None:
    line = "app-files scaler -b Scaler:1.0 --image ghcr.io/team/scaler --env LEVEL=1"
    printed = run(f"{line} --for cloud-foundry --memory 512Mi --instances 2 --secret TOKEN").stdout
    (app,) = yaml.safe_load(printed)["applications"]
    assert (app["docker"]["image"], app["memory"], app["instances"]) == ("ghcr.io/team/scaler:1.0", "512M", 2)
    assert (app["env"]["LEVEL"], app["env"]["TOKEN"]) == ("1", "((TOKEN))")
    assert "give --output-dir" in run(f"{line} --for heroku", 2).stderr
    run(f"{line} --for heroku --output-dir app")
    assert sorted(each.name for each in (work / "app").iterdir()) == ["Dockerfile", "heroku.yml"]
    run(f"{line} --for digitalocean --output-dir do")
    assert (work / "do" / ".do" / "app.yaml").is_file()


def test_app_files_knows_every_platform() -> None:
    assert list(PLATFORMS) == list(app_platforms.PLATFORMS)


HEROKU = [
    pytest.param("container:push web --app iris", "", id="as on the page"),
    pytest.param("container:push web -a iris --verbose", "", id="short option"),
    pytest.param("container:push web", "required flag app", id="no app"),
    pytest.param("container:push web --ap iris", "Nonexistent flag: --ap", id="wrong option"),
    pytest.param("container:pushed web", "not a heroku command", id="wrong command"),
    pytest.param("container:push web --app", "expects a value", id="no value"),
    pytest.param("apps:create iris two", "Unexpected argument", id="too much"),
]


@pytest.mark.parametrize(("line", "words"), HEROKU)
def test_stand_in_for_heroku_refuses_what_the_real_one_refuses(line: str, words: str) -> None:
    found = heroku.problem(shlex.split(line))
    assert words in found
    assert bool(words) == bool(found)


WRONG = [
    pytest.param("cloud-run manifests scaler -b Scaler:9 --image x", "not found", id="no bundle"),
    pytest.param("cloud-run manifests Scaler -b Scaler:latest --image x", "Cloud Run", id="name"),
    pytest.param("cloud-run manifests scaler -b Scaler:latest --image x --gpu-type h100", "nvidia-l4", id="option"),
    pytest.param("app-files scaler -b Scaler:9 --image x --for fly", "not found", id="no bundle for fly"),
    pytest.param("app-files scaler -b Scaler:2.0 --image x/y --for render --memory 1Gi", "--size", id="render"),
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
