"""The deployer with a real kubectl, against a look-alike of a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bentoml.deploy.kubernetes import KubernetesDeployer
from bentoml.deploy.plans import Deployments
from bentoml.exceptions import BentoMLException, YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentSpec, NewDeployment, Operator
from bentoml.yatai.local import LocalRegistry
from tests.deploy.kubernetes.lookalike import LookAlike
from tests.deploy.plans.deployer_contract import DeployerContract

FULL: dict[str, Any] = {
    "image": "registry.example/team/iris",
    "context": "test",
    "replicas": 2,
    "max_replicas": 5,
    "queue_target": 4,
    "host": "iris.example.com",
    "config": "bento_server: {grace_s: 20}\n",
}
ALL_OF_FULL = ["ConfigMap", "NetworkPolicy", "Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"]
ALL_OF_FULL += ["Ingress"]


def wanted(bundle: str = "Iris:1", **config: Any) -> NewDeployment:
    name, version = bundle.split(":")
    spec = DeploymentSpec(name, version, Operator.KUBERNETES, {"image": "iris", "context": "test", **config})
    return NewDeployment("dev", "iris", spec)


class KubernetesRig:
    def __init__(self, cluster: LookAlike) -> None:
        self.cluster = cluster
        self.deployer = KubernetesDeployer()
        self.wanted = wanted(**FULL)

    def existing(self) -> set[str]:
        return {each.replace(" ", " test:") for each in self.cluster.existing()}

    def cut(self) -> None:
        self.cluster.silent = True


class TestKubernetesDeployer(DeployerContract):
    @pytest.fixture
    def rig(self, cluster: LookAlike) -> KubernetesRig:
        return KubernetesRig(cluster)


@pytest.fixture
def deployments(registry: LocalRegistry) -> Deployments:
    return Deployments(registry, KubernetesDeployer())


def kinds(cluster: LookAlike) -> set[str]:
    return {each.partition(" ")[0] for each in cluster.existing()}


@pytest.mark.parametrize("refused", ALL_OF_FULL)
def test_deploy_when_one_object_is_refused_records_the_others_and_delete_removes_them(
    registry: LocalRegistry, deployments: Deployments, cluster: LookAlike, refused: str
) -> None:
    cluster.refused.add(refused)
    with pytest.raises(YataiDeploymentException, match=rf"apply {refused} iris: kubectl failed .*[Ff]orbidden"):
        deployments.deploy(wanted(**FULL))
    before = ALL_OF_FULL[: ALL_OF_FULL.index(refused)]
    assert kinds(cluster) == set(before)
    record = registry.find_deployment("dev", "iris")
    assert [(each.kind, each.detail["status"]) for each in record.resources] == [
        *((kind, "exists") for kind in before),
        (refused, "pending"),
    ]
    assert record.state.state is DeploymentPhase.FAILED
    cluster.refused.clear()
    deployments.delete("dev", "iris")
    assert cluster.existing() == set()


def test_update_changes_the_pods_and_removes_what_is_no_more_wanted(
    deployments: Deployments, cluster: LookAlike
) -> None:
    deployments.deploy(wanted(**FULL))
    updated = deployments.update(wanted("Iris:2", image="iris", env={"LEVEL": "2"}))
    assert kinds(cluster) == {"NetworkPolicy", "Deployment", "Service", "PodDisruptionBudget"}
    assert {each.kind for each in updated.resources} == kinds(cluster)
    found = cluster.get("deployments", "dev", "iris")
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "iris:2"
    assert {"name": "LEVEL", "value": "2"} in container["env"]
    assert "BENTOML_CONFIG" not in [each["name"] for each in container["env"]]
    assert found["metadata"]["annotations"]["bentoml.org/bundle"] == "Iris:2"


def test_update_when_the_namespace_of_the_cluster_changes_moves_all(
    deployments: Deployments, cluster: LookAlike
) -> None:
    deployments.deploy(wanted())
    deployments.update(wanted(kube_namespace="ml"))
    assert {each.split()[1].split("/")[0] for each in cluster.existing()} == {"ml"}
    deployments.delete("dev", "iris")
    assert cluster.existing() == set()


def test_deploy_when_two_namespaces_share_one_of_the_cluster_keeps_them_apart(
    registry: LocalRegistry, deployments: Deployments, cluster: LookAlike
) -> None:
    one = wanted(kube_namespace="ml")
    deployments.deploy(one)
    deployments.deploy(replace(one, namespace="prod"))
    assert len(cluster.existing()) == 2 * 4
    deployments.delete("dev", "iris")
    assert len(cluster.existing()) == 4


def test_deploy_when_the_namespace_is_not_there_says_so(deployments: Deployments, cluster: LookAlike) -> None:
    with pytest.raises(YataiDeploymentException, match='namespaces "elsewhere" not found'):
        deployments.deploy(wanted(kube_namespace="elsewhere"))


def test_delete_when_the_cluster_does_not_know_the_kind_goes_on(
    deployments: Deployments, cluster: LookAlike, registry: LocalRegistry
) -> None:
    with pytest.raises(
        YataiDeploymentException, match=r"apply ServiceMonitor iris: .*(no matches for kind|could not find)"
    ):
        deployments.deploy(wanted(service_monitor=True))
    assert deployments.delete("dev", "iris") == ()
    assert cluster.existing() == set()


def test_delete_when_an_object_cannot_be_deleted_says_why(deployments: Deployments, cluster: LookAlike) -> None:
    deployments.deploy(wanted())
    cluster.refused.add("Service")
    with pytest.raises(YataiDeploymentException, match=r"delete Service iris: .*forbidden"):
        deployments.delete("dev", "iris")
    (left,) = deployments.delete("dev", "iris", force=True)
    assert left.startswith("Service test:dev/iris: kubectl could not delete it: ")
    assert kinds(cluster) == {"Service"}


OWNERS = [
    pytest.param({}, "which bentoml has not made", id="nobody"),
    pytest.param({"bentoml.org/deployment": "prod/iris"}, "which belongs to the deployment prod/iris", id="another"),
]


@pytest.mark.parametrize(("annotations", "owner"), OWNERS)
def test_deploy_when_somebody_else_has_such_an_object_leaves_it_alone(
    deployments: Deployments, cluster: LookAlike, annotations: dict[str, str], owner: str
) -> None:
    metadata = {"name": "iris", "namespace": "dev", "annotations": annotations}
    spec = {"ports": [{"port": 80}], "selector": {"app": "other"}}
    cluster.put("services", "dev", "iris", apiVersion="v1", kind="Service", metadata=metadata, spec=spec)
    with pytest.raises(YataiDeploymentException, match=rf"dev has a Service iris already, {owner}; choose another"):
        deployments.deploy(wanted())
    deployments.delete("dev", "iris")
    assert cluster.existing() == {"Service dev/iris"}
    assert cluster.get("services", "dev", "iris")["spec"] == spec


def test_describe_says_how_the_pods_do(deployments: Deployments, cluster: LookAlike) -> None:
    deployments.deploy(wanted(host="iris.example.com", replicas=2))
    assert deployments.describe("dev", "iris").state.state is DeploymentPhase.PENDING
    cluster.put("deployments", "dev", "iris", status={"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2})
    seen = deployments.describe("dev", "iris")
    assert seen.state.state is DeploymentPhase.RUNNING
    assert seen.state.info["endpoints"] == ["http://iris.dev.svc:5000", "http://iris.example.com"]
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    cluster.put("deployments", "dev", "iris", status={"replicas": 2, "updatedReplicas": 1, "availableReplicas": 1})
    metadata = {"name": "iris-1", "labels": {"app.kubernetes.io/instance": "iris"}}
    status = {"containerStatuses": [{"state": {"waiting": waiting}}]}
    cluster.put("pods", "dev", "iris-1", kind="Pod", apiVersion="v1", metadata=metadata, status=status)
    seen = deployments.describe("dev", "iris")
    assert seen.state.state is DeploymentPhase.ERROR
    assert seen.state.error_message == "pod iris-1: ImagePullBackOff: no such image"


def test_deploy_when_kubectl_is_not_there_says_so(
    registry: LocalRegistry, deployments: Deployments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BentoMLException, match="kubectl was not found; install it"):
        deployments.deploy(wanted())
    deployments.delete("dev", "iris", force=True)
