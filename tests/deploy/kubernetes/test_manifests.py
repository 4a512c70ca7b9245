"""What the objects are like: published schemas, and values that try to break out of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bentoml.deploy.kubernetes import FORMS, KubernetesDeployer, KubernetesOptions, manifests
from bentoml.deploy.plans.yaml_text import yaml_text
from bentoml.exceptions import InvalidArgument
from bentoml.service.metadata import BentoServiceMetadata
from bentoml.yatai.deployment_models import DeploymentSpec, NewDeployment, Operator
from tests.deploy.kubernetes.schemas import schemas

VERSIONS = ["1.28", "1.29", "1.31", "1.33", "1.34"]
OF_OTHERS = {"HTTPRoute", "ServiceMonitor", "InferenceService"}
HOSTILE = "a'b\"c\n---\nkind: Secret\n$(HOME) `id` ${X} %s {{ .Values.x }} \\ \u2028 é # : - \t"

OPTIONS: dict[str, dict[str, Any]] = {
    "least": {},
    "most": {
        "replicas": 2,
        "max_replicas": 9,
        "queue_target": 4,
        "cpu_limit": "2",
        "memory_request": "512Mi",
        "memory_limit": "2Gi",
        "gpus": 1,
        "workers": 2,
        "port": 80,
        "service_type": "LoadBalancer",
        "host": "iris.example.com",
        "ingress_class": "nginx",
        "tls_secret": "iris-tls",
        "pull_secrets": ["registry"],
        "service_account": "models",
        "env": {"BENTOML__BENTO_SERVER__TIMEOUT": "90", "NUMBER": "1e3", "WORD": "on", "TEXT": HOSTILE, "EMPTY": ""},
        "secrets": ["iris-secrets"],
        "config": "bento_server:\n  max_request_size: 1000\n",
        "node_selector": {"gpu": "true", "kubernetes.io/arch": "amd64"},
        "tolerations": ["nvidia.com/gpu=1:NoSchedule", "spot"],
        "service_monitor": True,
    },
    "gateway": {"host": "iris.example.com", "gateway": "infra/public", "network_policy": False},
}


def wanted(name: str = "iris", namespace: str = "dev", **options: Any) -> NewDeployment:
    config = {"image": "registry.example/iris", **options}
    spec = DeploymentSpec("IrisClassifier", "20240517_3FA", Operator.KUBERNETES, config)
    return NewDeployment(namespace, name, spec, {"team": "core"})


def objects(**options: Any) -> dict[str, Any]:
    files = manifests(wanted(**options), "plain")
    return {found["kind"]: found for found in map(yaml.safe_load, files.values())}


def pod(**options: Any) -> Any:
    return objects(**options)["Deployment"]["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"workers": 2}, ["--workers", "2"], id="no GPU"),
        pytest.param({"gpus": 2}, ["--gpus", "0,1"], id="a worker for each"),
        pytest.param({"gpus": 2, "workers": 4}, ["--gpus", "0,1", "--workers", "4"], id="two for each"),
        pytest.param({"gpus": 2, "workers": 1}, ["--workers", "1"], id="one for all"),
    ],
)
def test_workers_of_a_pod_get_its_gpus(options: dict[str, Any], expected: list[str] | None) -> None:
    (container,) = pod(**options)["containers"]
    assert container.get("args") == expected
    assert container["resources"]["limits"].get("nvidia.com/gpu") == (
        str(options["gpus"]) if "gpus" in options else None
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_objects_fit_the_published_schemas(options: dict[str, Any], version: str) -> None:
    found = objects(**options)
    for kind, document in found.items():
        if kind not in OF_OTHERS:
            schemas().validate(document, version, strict=True)
    assert "Deployment" in found


def test_pods_have_no_privileges() -> None:
    found = pod()
    assert found["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1034,
        "runAsGroup": 1034,
        "fsGroup": 1034,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert found["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert found["automountServiceAccountToken"] is False


GRACE = [
    pytest.param({}, 5 + 60 + 10, id="default"),
    pytest.param({"config": "bento_server: {timeout: 120}"}, 135, id="timeout of the file"),
    pytest.param({"config": "bento_server: {timeout: 120, grace_s: 7.5}"}, 23, id="grace of the file"),
    pytest.param(
        {"config": "bento_server: {grace_s: 7}", "env": {"BENTOML__BENTO_SERVER__GRACE_S": "30"}}, 45, id="variable"
    ),
]


@pytest.mark.parametrize(("options", "seconds"), GRACE)
def test_pods_have_time_for_the_answers_that_are_due(options: dict[str, Any], seconds: int) -> None:
    assert pod(**options)["terminationGracePeriodSeconds"] == seconds


def test_pods_are_others_when_the_configuration_changes() -> None:
    def template(config: str) -> Any:
        return objects(config=config)["Deployment"]["spec"]["template"]["metadata"]

    assert template("bento_server: {workers: 2}") != template("bento_server: {workers: 3}")


def test_replicas_when_they_scale_are_left_to_the_autoscaler() -> None:
    assert "replicas" not in objects(max_replicas=3)["Deployment"]["spec"]
    assert objects(replicas=2)["Deployment"]["spec"]["replicas"] == 2
    scaler = objects(replicas=2, max_replicas=3, cpu_target_percent=None, queue_target=4)["HorizontalPodAutoscaler"]
    assert [metric["type"] for metric in scaler["spec"]["metrics"]] == ["Pods"]


def test_plan_when_the_queue_decides_has_the_rule_for_the_metrics_of_the_cluster() -> None:
    config = "bento_server: {metrics: {namespace: my ml}}"
    service = BentoServiceMetadata("IrisClassifier", "20240517_3FA")
    plan = KubernetesDeployer().plan(wanted(max_replicas=3, queue_target=4, config=config), service)
    (rule,) = yaml.safe_load(plan.files["prometheus-adapter-values.yaml"])["rules"]["custom"]
    assert rule["seriesQuery"] == '{__name__=~"^my_ml_.+_queue_depth$",namespace!="",pod!=""}'
    assert "prometheus-adapter" in plan.notes[0]


@pytest.mark.parametrize("name", ["IrisClassifier", "iris.v2", "a" * 63, "1iris", "My_Model.v1", "x" * 62 + "Y"])
@pytest.mark.parametrize("namespace", ["dev", "prod"])
def test_names_are_those_of_the_cluster_whatever_the_deployment_is_called(name: str, namespace: str) -> None:
    files = manifests(wanted(name, namespace, kube_namespace="dev", **OPTIONS["gateway"]), "plain")
    for found in map(yaml.safe_load, files.values()):
        if found["kind"] not in OF_OTHERS:
            schemas().validate(found, "1.31", strict=True)
        used = found["metadata"]["name"]
        assert len(used) <= 63
        assert used[0].isalpha()
        assert used == used.lower()
        assert found["metadata"]["annotations"]["bentoml.org/deployment"] == f"{namespace}/{name}"


def test_values_when_hostile_stay_values() -> None:
    found = pod(env={"TEXT": HOSTILE, "LONG": "x" * 100_000})
    values = {each["name"]: each["value"] for each in found["containers"][0]["env"]}
    assert values["TEXT"] == HOSTILE.replace("$(", "$$("), "as Kubernetes writes a dollar that stands for itself"
    assert len(values["LONG"]) == 100_000


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
def test_yaml_when_read_is_the_same_text(text: str) -> None:
    document = {"list": [text, {"text": text}], text: 1}
    written = yaml_text(document)
    assert yaml.safe_load(written) == document
    assert list(yaml.safe_load_all(written)) == [document]


AMBIGUOUS = ["on", "No", "y", "1e3", "0x1F", "1_000", "0o17", "017", "~", "", "null", ".inf", "2024-05-17", "1:30", "="]


@pytest.mark.parametrize("text", [*AMBIGUOUS, "<<", "yes", "- a", "!tag", "&a", "*a", "@a", "%a", "a: b", "a #b"])
def test_yaml_when_a_text_looks_like_something_else_has_quotes(text: str) -> None:
    assert yaml_text({"value": text}) == f"value: {json.dumps(text)}\n"


BAD = [
    ({"image": "UPPER"}, "UPPER"),
    ({"image": "iris@sha256:12"}, "64 hexadecimal"),
    ({"image": "-iris"}, "-iris"),
    ({"replicas": 0}, "replicas must be 1 to 10000"),
    ({"replicas": "2"}, "replicas must be a whole number"),
    ({"replicas": 3, "max_replicas": 2}, "max_replicas must be 3 to 10000"),
    ({"queue_target": 3}, "queue_target needs max_replicas"),
    ({"max_replicas": 3, "cpu_target_percent": None}, "max_replicas needs"),
    ({"cpu_request": "half"}, "cpu_request cannot be 'half'"),
    ({"cpu_request": "0"}, "more than 0"),
    ({"cpu_request": "2", "cpu_limit": "1500m"}, "cpu_request 2 is more than cpu_limit 1500m"),
    ({"memory_request": "1G", "memory_limit": "900Mi"}, "more than memory_limit"),
    ({"memory_limit": "1GB"}, "memory_limit cannot be '1GB'"),
    ({"gpus": -1}, "gpus"),
    ({"port": 65536}, "port"),
    ({"service_type": "Ingress"}, "service_type must be one of ClusterIP"),
    ({"host": "Iris.example.com"}, "host cannot be"),
    ({"host": "iris.example.com/x"}, "host cannot be"),
    ({"tls_secret": "tls"}, "tls_secret needs host"),
    ({"gateway": "public"}, "gateway needs host"),
    ({"gateway": "a/b/c", "host": "a.b"}, "gateway cannot be"),
    ({"gateway": "a", "host": "a.b", "tls_secret": "t"}, "leave out ingress_class and tls_secret"),
    ({"secrets": ["My Secret"]}, "secrets cannot be 'My Secret'"),
    ({"secrets": "one"}, "list of texts"),
    ({"env": {"A B": "1"}}, "'A B' cannot be the name"),
    ({"env": {"A": "x\0"}}, "without NUL"),
    ({"env": {"A": 1}}, "mapping of texts"),
    ({"env": {"BENTOML_PORT": "80"}}, "leave BENTOML_PORT out"),
    ({"env": {"BENTOML__BENTO_SERVER__PROT": "80"}}, "BENTOML__BENTO_SERVER__PROT"),
    ({"config": "bento_server: {prot: 80}"}, "prot"),
    ({"config": "a: [b"}, "bentoml.yml cannot be read"),
    ({"node_selector": {"a b": "c"}}, "node_selector"),
    ({"tolerations": ["a=b:Never"]}, "one of NoSchedule"),
    ({"kube_namespace": "Dev"}, "--kube-namespace"),
    ({"context": "a\nb"}, "context"),
    ({"colour": "red"}, "no setting 'colour'"),
]


@pytest.mark.parametrize(("options", "text"), BAD, ids=[str(options)[:50] for options, _ in BAD])
def test_options_when_they_cannot_be_are_refused_with_the_reason(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        manifests(wanted(**options), "plain")
    assert text in str(caught.value)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_options_when_recorded_come_back_the_same(options: dict[str, Any]) -> None:
    first = KubernetesOptions.from_config({"image": "iris", **options})
    assert KubernetesOptions.from_config(json.loads(json.dumps(first.to_config()))) == first
    assert set(first.to_config()) == {"image", *options}


def test_image_when_given_by_digest_is_that() -> None:
    image = f"registry.example/iris@sha256:{'0' * 64}"
    assert pod(image=image)["containers"][0]["image"] == image


def test_kustomize_when_built_by_kubectl_is_the_plain_form(kubectl: str, tmp_path: Path) -> None:
    files = manifests(wanted(**OPTIONS["most"]), "kustomize")
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [kubectl, "kustomize", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    built = {found["kind"]: found for found in yaml.safe_load_all(done.stdout)}
    assert built == objects(**OPTIONS["most"])


def test_kserve_is_one_service_whose_container_is_ours() -> None:
    files = manifests(wanted(max_replicas=3, config="bento_server: {timeout: 29.5}"), "kserve")
    assert list(files) == ["configmap.yaml", "inferenceservice.yaml"]
    found = yaml.safe_load(files["inferenceservice.yaml"])
    predictor = found["spec"]["predictor"]
    assert found["apiVersion"] == "serving.kserve.io/v1beta1"
    assert [predictor[name] for name in ("minReplicas", "maxReplicas", "timeout")] == [1, 3, 30]
    assert predictor["containers"][0]["name"] == "kserve-container"
    pod_parts = {"minReplicas", "maxReplicas", "timeout", "scaleMetric", "scaleTarget"}
    # All but these is a pod, which has a published schema.
    spec = {name: value for name, value in predictor.items() if name not in pod_parts}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    schemas().validate(document, "1.31", strict=True)


KSERVE_BAD = [
    ({"host": "a.b"}, "leave host out"),
    ({"max_replicas": 3, "queue_target": 3}, "leave queue_target out"),
    ({"config": "bento_server: {open_inference: {enabled: false}}"}, "enable bento_server.open_inference"),
]


@pytest.mark.parametrize(("options", "text"), KSERVE_BAD)
def test_kserve_when_it_cannot_be_says_why(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        manifests(wanted(**options), "kserve")


@pytest.mark.parametrize("form", FORMS)
def test_manifests_are_the_same_each_time(form: str) -> None:
    assert manifests(wanted(), form) == manifests(wanted(), form)
