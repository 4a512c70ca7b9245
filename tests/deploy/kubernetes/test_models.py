"""Objects of kinds that Kubernetes itself does not have, compared with the models of those who have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bentoml.deploy.kubernetes import manifests
from tests.deploy.kubernetes.models import (
    packages_or_skip,
    problems_of_kserve,
    problems_of_types,
    problems_of_values,
)
from tests.deploy.kubernetes.test_manifests import OPTIONS, VERSIONS, objects, wanted

GATEWAYS = {"of its own": "public", "of another namespace": "infra/public"}
OF_PODS = {"timeout", "minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A directory for the files of the checks."""
    packages_or_skip()
    return tmp_path


@pytest.mark.parametrize("gateway", GATEWAYS.values(), ids=GATEWAYS)
def test_route_is_what_the_gateway_api_takes(work: Path, gateway: str) -> None:
    route = objects(host="iris.example.com", gateway=gateway, port=80)["HTTPRoute"]
    assert (problems_of_types(route, work), problems_of_values(route, work)) == ("", "")


def test_monitor_is_what_the_prometheus_operator_takes(work: Path) -> None:
    monitor = objects(**OPTIONS["most"])["ServiceMonitor"]
    assert (problems_of_types(monitor, work), problems_of_values(monitor, work)) == ("", "")


WRONG = [
    pytest.param("HTTPRoute", '"hostnames"', '"hostNames"', "'\"hostNames\"' does not exist", id="name"),
    pytest.param("HTTPRoute", '"port": 5000', '"port": "http"', "not assignable to type 'number'", id="type"),
    pytest.param("ServiceMonitor", '"interval"', '"every"', "'\"every\"' does not exist", id="name of a monitor"),
]


@pytest.mark.parametrize(("kind", "old", "new", "text"), WRONG)
def test_name_or_type_when_it_is_wrong_is_found(work: Path, kind: str, old: str, new: str, text: str) -> None:
    assert text in problems_of_types(changed(kind, old, new), work)


def test_value_when_it_is_wrong_is_found(work: Path) -> None:
    assert "hostnames" in problems_of_values(changed("HTTPRoute", "iris.example.com", "Iris_Example"), work)


def changed(kind: str, old: str, new: str) -> dict[str, Any]:
    """An object with another text in it."""
    found = objects(host="iris.example.com", gateway="public", service_monitor=True)[kind]
    text = yaml.safe_dump(found)
    for before, after in ((old, new), (old.replace('"', ""), new.replace('"', ""))):
        text = text.replace(before, after)
    document: dict[str, Any] = yaml.safe_load(text)
    assert document != found
    return document


KSERVE = {
    "least": {},
    "most": {name: value for name, value in OPTIONS["most"].items() if name not in {"queue_target", "service_monitor"}}
    | {"host": None, "ingress_class": None, "tls_secret": None},
}


def service(options: dict[str, Any]) -> dict[str, Any]:
    files = manifests(wanted(**options), "kserve")
    found: dict[str, Any] = yaml.safe_load(files["inferenceservice.yaml"])
    return found


@pytest.mark.environment("kubernetes")
@pytest.mark.parametrize("options", KSERVE.values(), ids=KSERVE)
def test_inference_service_is_what_kserve_and_kubernetes_take(options: dict[str, Any]) -> None:
    found, others = service(options), set[str]()
    assert list(problems_of_kserve(found, "V1beta1InferenceService", others)) == []
    assert {"V1Container", "V1ObjectMeta", "V1PodSecurityContext"} <= others
    spec = {name: value for name, value in found["spec"]["predictor"].items() if name not in OF_PODS}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": found["metadata"], "spec": spec}
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.environment("kubernetes")
def test_inference_service_when_it_is_wrong_is_found() -> None:
    found = service({})
    found["spec"]["predictor"].update(minReplica=1, timeout="60")
    assert list(problems_of_kserve(found, "V1beta1InferenceService", set())) == [
        "spec.predictor.timeout: int expected, not '60'",
        "spec.predictor.minReplica: unknown to V1beta1PredictorSpec",
    ]
