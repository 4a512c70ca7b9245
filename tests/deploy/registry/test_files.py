"""The files that run the registry in containers: they name what there is, and fit one another."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from click.testing import CliRunner

from bentoml._version import __version__
from bentoml.cli.main import commandline_interface
from bentoml.configuration import get_config
from bentoml.yatai.database_address import open_database
from bentoml.yatai.server.options import RegistryServerOptions
from bentoml.yatai.server.table import ROUTES
from bentoml.yatai.server.telemetry import RegistryMetrics

KINDS = ["PersistentVolumeClaim", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"]


def write(directory: Path) -> str:
    done = CliRunner().invoke(commandline_interface, ["yatai", "manifests", str(directory)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("parent") / "yatai"
    said = write(directory)
    assert said.splitlines() == sorted(str(path) for path in directory.rglob("*") if path.is_file())
    return directory


def objects(written: Path, name: str) -> dict[str, Any]:
    documents = list(yaml.safe_load_all((written / name).read_text()))
    return {document["kind"]: document for document in documents}


def test_library_goes_along_as_a_wheel_and_no_mark_is_left(written: Path) -> None:
    with zipfile.ZipFile(written / "wheels" / f"bentoml-{__version__}-py3-none-any.whl") as wheel:
        assert "bentoml/deploy/registry/files/Dockerfile" in wheel.namelist()
    for path in written.glob("*.*"):
        assert "@@" not in path.read_text(), path
    assert "@@" not in (written / "Dockerfile").read_text()


def test_directory_that_exists_is_left_alone(written: Path) -> None:
    before = (written / "Dockerfile").stat()
    done = CliRunner().invoke(commandline_interface, ["yatai", "manifests", str(written)])
    assert done.exit_code == 1
    assert "exists; name a directory that does not" in done.output
    assert (written / "Dockerfile").stat() == before


def variables(written: Path) -> dict[str, dict[str, str]]:
    """What each file sets of the environment of the registry."""
    compose = yaml.safe_load((written / "compose.yaml").read_text())
    found = {"compose.yaml": compose["services"]["yatai"]["environment"]}
    for name in ("kubernetes.yaml", "kubernetes-replicas.yaml"):
        (container,) = objects(written, name)["Deployment"]["spec"]["template"]["spec"]["containers"]
        found[name] = {item["name"]: item["value"] for item in container.get("env", [])}
    return found


def test_variables_are_settings_that_there_are(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML__YATAI__SERVER__HOST", "0.0.0.0")
    for file, given in variables(written).items():
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        config = get_config()
        assert RegistryServerOptions.from_config(config).requires_login, file
        if given:
            assert config.yatai.database.url == given["BENTOML__YATAI__DATABASE__URL"]
            open_database(config.yatai.database.url, Path("none.db")).close()
    assert config.yatai.repository.type == "s3"


def test_image_that_is_built_is_the_one_that_runs(written: Path) -> None:
    compose = yaml.safe_load((written / "compose.yaml").read_text())
    images = {compose["services"]["yatai"]["image"]}
    for name in ("kubernetes.yaml", "kubernetes-replicas.yaml"):
        (container,) = objects(written, name)["Deployment"]["spec"]["template"]["spec"]["containers"]
        images.add(container["image"])
    assert images == {f"yatai:{__version__}"}
    assert f"-t yatai:{__version__} ." in (written / "Dockerfile").read_text()


@pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes-replicas.yaml"])
def test_parts_of_kubernetes_fit_one_another(written: Path, name: str) -> None:
    found = objects(written, name)
    pod = found["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"]
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["spec"]["volumes"]
    }
    paths = {route.path for route in ROUTES}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in paths
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    server = get_config().yatai.server
    pause_s = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["spec"]["terminationGracePeriodSeconds"] > pause_s + server.grace_s


def test_one_pod_has_a_volume_and_several_have_none_in_common(written: Path) -> None:
    one, several = objects(written, "kubernetes.yaml"), objects(written, "kubernetes-replicas.yaml")
    assert list(one) == KINDS
    assert one["Deployment"]["spec"]["replicas"] == 1
    assert one["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert list(several) == ["Secret", *KINDS[1:]]
    assert several["Deployment"]["spec"]["replicas"] > 1
    assert several["Service"]["spec"]["sessionAffinity"] == "ClientIP"
    # What has to be written first stands out.
    assert all(re.fullmatch(r"[A-Z-]+", value) for value in several["Secret"]["stringData"].values())


def test_compose_starts_the_registry_after_its_database(written: Path) -> None:
    services = yaml.safe_load((written / "compose.yaml").read_text())["services"]
    yatai, database = services["yatai"], services["database"]
    assert yatai["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "pg_isready" in database["healthcheck"]["test"]
    assert yatai["ports"] == ["127.0.0.1:3000:3000"]
    assert yatai["read_only"] is True
    assert yatai["environment"]["PGPASSWORD"] == database["environment"]["POSTGRES_PASSWORD"]


def test_alert_rules_ask_for_metrics_that_there_are(written: Path) -> None:
    metrics = RegistryMetrics()
    metrics.refused("token")
    there = {line.split(" ")[2] for line in metrics.text().decode().splitlines() if line.startswith("# TYPE ")}
    (group,) = yaml.safe_load((written / "alerts.yaml").read_text())["groups"]
    assert len(group["rules"]) >= 5
    for rule in group["rules"]:
        promql_parser.parse(rule["expr"])
        for name in re.findall(r"YATAI_\w+", rule["expr"]):
            assert {name, name.removesuffix("_total"), name.removesuffix("_bucket")} & there, name
        assert set(rule["annotations"]) == {"summary", "runbook"}
