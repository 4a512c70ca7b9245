"""The chart, rendered by a real helm."""

from __future__ import annotations

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bentoml.deploy.kubernetes import manifests
from bentoml.yatai.deployment_models import NewDeployment
from tests.deploy.kubernetes.helm import helm_or_skip
from tests.deploy.kubernetes.schemas import schemas
from tests.deploy.kubernetes.test_manifests import HOSTILE, OF_OTHERS, OPTIONS, VERSIONS, wanted


@pytest.fixture
def helm() -> str:
    """The program."""
    return helm_or_skip()


def write_chart(directory: Path, deployment: NewDeployment) -> Path:
    for name, text in manifests(deployment, "helm").items():
        path = directory / "chart" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return directory / "chart"


def render(helm: str, chart: Path, *words: str, release: str = "iris") -> dict[str, Any]:
    argv = [helm, "template", release, str(chart), "--namespace=dev", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return {found["kind"]: found for found in yaml.safe_load_all(done.stdout)}


def without_owner(document: Any) -> Any:
    """An object without its namespace, and without what tells to whom it belongs."""
    found = copy.deepcopy(document)
    found["metadata"].pop("namespace", None)
    template = found["spec"]["template"] if found["kind"] == "Deployment" else {}
    for metadata in [found["metadata"], *([template["metadata"]] if template else [])]:
        metadata["annotations"].pop("bentoml.org/deployment", None)
        metadata["labels"].pop("app.kubernetes.io/managed-by")
    if template:
        (container,) = template["spec"]["containers"]
        container["env"].sort(key=lambda each: each["name"])
    return found


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_chart_when_rendered_has_the_plain_objects(helm: str, tmp_path: Path, options: dict[str, Any]) -> None:
    deployment = wanted(**options)
    rendered = render(helm, write_chart(tmp_path, deployment))
    plain = {found["kind"]: found for found in map(yaml.safe_load, manifests(deployment, "plain").values())}
    assert {kind: without_owner(found) for kind, found in rendered.items()} == {
        kind: without_owner(found) for kind, found in plain.items()
    }
    assert {found["metadata"]["labels"]["app.kubernetes.io/managed-by"] for found in rendered.values()} == {"Helm"}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_chart_fits_schemas_and_the_linter(helm: str, tmp_path: Path, options: dict[str, Any]) -> None:
    chart = write_chart(tmp_path, wanted(**options))
    done = subprocess.run(
        [helm, "lint", "--strict", str(chart)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for kind, document in render(helm, chart).items():
        for version in VERSIONS if kind not in OF_OTHERS else []:
            schemas().validate(document, version, strict=True)


def test_chart_when_values_are_given_has_them(helm: str, tmp_path: Path) -> None:
    values = {
        "image": "other/iris@sha256:1",
        "replicas": 4,
        "env": {"TEXT": HOSTILE, "NUMBER": 7},
        "secrets": ["keys"],
        "pullSecrets": ["pull"],
        "workers": 3,
        "service": {"type": "NodePort", "port": 81},
        "resources": {"limits": {"memory": "3Gi"}},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    found = render(helm, write_chart(tmp_path, wanted()), f"--values={tmp_path / 'own.yaml'}", release="second")
    assert {each["metadata"]["name"] for each in found.values()} == {"second"}
    spec = found["Deployment"]["spec"]
    assert spec["replicas"] == 4
    assert spec["selector"]["matchLabels"] == found["Service"]["spec"]["selector"]
    assert spec["template"]["metadata"]["labels"]["app.kubernetes.io/instance"] == "second"
    pod = spec["template"]["spec"]
    assert pod["nodeSelector"] == {"disk": "fast"}
    assert pod["tolerations"] == values["tolerations"]
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    (container,) = pod["containers"]
    assert container["image"] == "other/iris@sha256:1"
    assert container["args"] == ["--workers", "3"]
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert container["resources"] == {"limits": {"memory": "3Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}
    env = {each["name"]: each["value"] for each in container["env"]}
    assert env == {"BENTOML_PORT": "5000", "TEXT": HOSTILE.replace("$(", "$$("), "NUMBER": "7"}
    assert (found["Service"]["spec"]["type"], found["Service"]["spec"]["ports"][0]["port"]) == ("NodePort", 81)


def test_chart_when_the_configuration_changes_makes_other_pods(helm: str, tmp_path: Path) -> None:
    chart = write_chart(tmp_path, wanted(config="bento_server: {workers: 2}\n"))
    other = "bento_server: {workers: 3}\n"
    (tmp_path / "other.yml").write_text(other, encoding="utf-8")
    before, after = render(helm, chart), render(helm, chart, f"--set-file=config={tmp_path / 'other.yml'}")
    assert after["ConfigMap"]["data"] == {"bentoml.yml": other}
    key = "bentoml.org/config-sha256"
    digests = [found["Deployment"]["spec"]["template"]["metadata"]["annotations"][key] for found in (before, after)]
    assert digests[0] != digests[1]


def test_chart_has_nothing_of_users_in_its_templates() -> None:
    files = manifests(wanted(**OPTIONS["most"]), "helm")
    chart = yaml.safe_load(files["Chart.yaml"])
    assert (chart["name"], chart["version"], chart["appVersion"]) == ("iris", "0.1.0+20240517-3FA", "20240517_3FA")
    for name, text in files.items():
        if name.startswith("templates/"):
            assert "Secret\n" not in text
            assert "max_request_size" not in text
            assert re.search(r"z/\d+/z", text) is None
