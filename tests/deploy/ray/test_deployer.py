"""The deployer, against a look-alike of the dashboard; what a real cluster does is in test_cluster.py."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bentoml.deploy.plans import Deployments
from bentoml.deploy.ray import RayDeployer, RayOptions
from bentoml.deploy.ray import package as package_module
from bentoml.deploy.ray.arrival import arrived, digest_of
from bentoml.deploy.ray.package import packed
from bentoml.exceptions import BundleIntegrityException, InvalidArgument, YataiDeploymentException
from bentoml.saved_bundle.integrity import write_digests
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentSpec, NewDeployment, Operator
from bentoml.yatai.local import LocalRegistry
from tests.deploy.plans.conftest import registry, write_bundle
from tests.deploy.plans.deployer_contract import DeployerContract
from tests.deploy.ray.lookalike import LookAlike, described, running_lookalike

__all__ = ["registry", "write_bundle"]


def wanted(address: str, version: str = "1", **settings: Any) -> NewDeployment:
    return NewDeployment("dev", "iris", DeploymentSpec("Iris", version, Operator.RAY, {"address": address, **settings}))


@pytest.fixture
def lookalike() -> Iterator[LookAlike]:
    with running_lookalike() as found:
        yield found


@pytest.fixture
def deployments(registry: LocalRegistry) -> Deployments:
    return Deployments(registry, RayDeployer())


class Rig:
    def __init__(self, lookalike: LookAlike) -> None:
        self.lookalike = lookalike
        self.deployer = RayDeployer()
        self.wanted = wanted(lookalike.address)

    def existing(self) -> set[str]:
        address = self.lookalike.address
        applications = {f"RayServeApplication {address} {name}" for name in self.lookalike.applications}
        return applications | {f"RayJob {address} {name}" for name in self.lookalike.jobs}

    def cut(self) -> None:
        self.lookalike.stop()


class TestRayDeployer(DeployerContract):
    @pytest.fixture
    def rig(self, lookalike: LookAlike) -> Rig:
        return Rig(lookalike)


def test_deploy_leaves_other_applications_and_the_cluster_as_they_are(
    deployments: Deployments, lookalike: LookAlike
) -> None:
    others = {
        "declared": described({"name": "declared", "import_path": "a:b"}),
        "called": described({"name": "called"}, source="imperative"),
    }
    lookalike.applications = dict(others)
    lookalike.cluster = {"proxy_location": "HeadOnly", "target_capacity": 50.0, "http_options": {"port": 9000}}
    deployments.deploy(wanted(lookalike.address))
    assert {name: lookalike.applications[name] for name in others} == others
    assert lookalike.cluster == {"proxy_location": "HeadOnly", "target_capacity": 50.0, "http_options": {"port": 9000}}
    deployments.delete("dev", "iris")
    assert lookalike.applications == others


def test_deploy_sends_the_bundle_with_its_digest(
    registry: LocalRegistry, bundle: Path, lookalike: LookAlike, tmp_path: Path
) -> None:
    write_digests(bundle)
    Deployments(registry, RayDeployer(lambda _: bundle)).deploy(wanted(lookalike.address))
    ((name, content),) = lookalike.packages.items()
    document = lookalike.applications["dev-iris"]["deployed_app_config"]
    (job,) = lookalike.jobs.values()
    assert document["runtime_env"] == job["runtime_env"] == {"working_dir": f"gcs://{name}"}
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert document["args"]["digest"] == digest_of(bundle)
        assert arrived(None, digest_of(bundle)) == tmp_path / "bundle"
        with pytest.raises(BundleIntegrityException, match="not the bundle that was deployed"):
            arrived(None, "0" * 64)


def test_deploy_when_the_nodes_have_the_bundle_sends_nothing(deployments: Deployments, lookalike: LookAlike) -> None:
    deployments.deploy(wanted(lookalike.address, location="s3://bucket/iris.tar.gz"))
    assert not lookalike.packages
    assert not lookalike.jobs
    document = lookalike.applications["dev-iris"]["deployed_app_config"]
    assert document["args"]["bundle"] == "s3://bucket/iris.tar.gz"
    assert "runtime_env" not in document


def test_deploy_when_somebody_else_has_the_application_refuses(deployments: Deployments, lookalike: LookAlike) -> None:
    lookalike.applications["dev-iris"] = described({"name": "dev-iris", "import_path": "a:b"})
    with pytest.raises(YataiDeploymentException, match="another program has made; choose another name"):
        deployments.deploy(wanted(lookalike.address))
    deployments.delete("dev", "iris")
    assert list(lookalike.applications) == ["dev-iris"]
    assert not lookalike.jobs


def test_deploy_when_the_dashboard_refuses_says_why_and_delete_cleans_up(
    deployments: Deployments, lookalike: LookAlike
) -> None:
    lookalike.refusal = "Found duplicate route prefix /"
    with pytest.raises(YataiDeploymentException, match=r"with 400: Found duplicate route prefix /"):
        deployments.deploy(wanted(lookalike.address))
    assert len(lookalike.jobs) == 1
    lookalike.refusal = None
    deployments.delete("dev", "iris")
    assert not lookalike.jobs


def test_update_to_another_bundle_stops_keeping_the_first(deployments: Deployments, lookalike: LookAlike) -> None:
    deployments.deploy(wanted(lookalike.address))
    (before,) = lookalike.jobs
    deployments.update(wanted(lookalike.address, "2"))
    (after,) = lookalike.jobs
    assert before != after


def test_deploy_when_the_keeper_has_ended_starts_it_again(deployments: Deployments, lookalike: LookAlike) -> None:
    deployments.deploy(wanted(lookalike.address))
    (job,) = lookalike.jobs.values()
    job["status"] = "FAILED"
    deployments.update(wanted(lookalike.address))
    assert [each["status"] for each in lookalike.jobs.values()] == ["RUNNING"]


@pytest.mark.parametrize(
    ("status", "message", "phase", "text"),
    [
        ("RUNNING", "", DeploymentPhase.RUNNING, ""),
        ("DEPLOYING", "", DeploymentPhase.PENDING, ""),
        ("DELETING", "", DeploymentPhase.INACTIVATED, "Ray says: DELETING"),
        ("DEPLOY_FAILED", "no module", DeploymentPhase.FAILED, "no module"),
        ("UNHEALTHY", "replicas die", DeploymentPhase.ERROR, "replicas die"),
        ("NEWER_THAN_US", "", DeploymentPhase.UNKNOWN, "Ray says: NEWER_THAN_US"),
    ],
)
def test_observe_reads_what_ray_says(
    deployments: Deployments, lookalike: LookAlike, status: str, message: str, phase: DeploymentPhase, text: str
) -> None:
    deployments.deploy(wanted(lookalike.address))
    lookalike.applications["dev-iris"].update(status=status, message=message)
    seen = deployments.describe("dev", "iris").state
    assert (seen.state, seen.error_message) == (phase, text)
    assert seen.info["replicas"] == {"RUNNING": 1}


def test_plan_is_a_file_that_serve_deploy_takes(deployments: Deployments, lookalike: LookAlike) -> None:
    settings: dict[str, Any] = {
        "max_replicas": 4,
        "min_replicas": 0,
        "target_ongoing_requests": 1.5,
        "memory_bytes": 1 << 30,
        "gpus": 0.5,
    }
    plan = deployments.plan(wanted(lookalike.address, route_prefix="/a/b", env={"LEVEL": "1"}, **settings))
    (application,) = yaml.safe_load(plan.files["serve.yaml"])["applications"]
    (deployment,) = application["deployments"]
    assert application["route_prefix"] == application["args"]["prefix"] == "/a/b"
    assert application["args"]["env"] == {"LEVEL": "1"}
    scaling = {"min_replicas": 0, "max_replicas": 4, "target_ongoing_requests": 1.5}
    assert deployment["autoscaling_config"] == scaling
    assert "num_replicas" not in deployment
    assert deployment["ray_actor_options"] == {"num_cpus": 1, "num_gpus": 0.5, "memory": 1 << 30}


def test_replicas_are_the_least_ones_when_they_scale(deployments: Deployments, lookalike: LookAlike) -> None:
    plan = deployments.plan(wanted(lookalike.address, replicas=2, max_replicas=4))
    (application,) = yaml.safe_load(plan.files["serve.yaml"])["applications"]
    assert application["deployments"][0]["autoscaling_config"] == {"min_replicas": 2, "max_replicas": 4}
    with pytest.raises(InvalidArgument, match="max_replicas must be 3"):
        deployments.plan(wanted(lookalike.address, replicas=3, max_replicas=2))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"address": "ray://head:10001"}, "that of the dashboard"),
        ({"address": "head:8265"}, "that of the dashboard"),
        ({"route_prefix": "iris"}, "write / or a path"),
        ({"route_prefix": "/iris/"}, "write / or a path"),
        ({"route_prefix": "/{name}"}, "write / or a path"),
        ({"replicas": 0}, "replicas must be 1"),
        ({"min_replicas": 2}, "min_replicas is of no use without max_replicas"),
        ({"target_ongoing_requests": 2.0}, "of no use without max_replicas"),
        ({"min_replicas": 3, "max_replicas": 2}, "max_replicas must be 3"),
        ({"max_replicas": 2, "target_ongoing_requests": 2000.0}, "target_ongoing_requests must be"),
        ({"max_ongoing_requests": 0}, "max_ongoing_requests must be"),
        ({"max_queued_requests": -2}, "max_queued_requests must be"),
        ({"cpus": -1}, "cpus must be"),
        ({"gpus": -0.5}, "gpus must be"),
        ({"memory_bytes": 0}, "memory_bytes must be"),
        ({"workers": 0}, "workers must be"),
        ({"env": {"RAY_ADDRESS": "x"}}, "leave RAY_ADDRESS out"),
        ({"env": {"BENTOML__BENTO_SERVER__TIMEOUT": "soon"}}, "timeout"),
        ({"cpus": "1"}, "cpus must be a number"),
        ({"replicas": True}, "a whole number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_options_that_cannot_be_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        RayOptions.from_config({"address": "http://head:8265", **settings})


def test_packed_is_the_same_each_time_and_leaves_out_what_python_has_compiled(bundle: Path) -> None:
    first = packed(bundle)
    (bundle / "__pycache__").mkdir()
    (bundle / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert packed(bundle) == first
    names = zipfile.ZipFile(io.BytesIO(first)).namelist()
    assert "bundle/bentoml.yml" in names


def test_packed_when_it_is_too_large_for_ray_says_where_to_put_it(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_module, "LARGEST_BYTES", 1 << 10)
    with pytest.raises(InvalidArgument, match="say where with location"):
        packed(bundle)


def test_a_bundle_without_digests_is_sent_as_it_is(bundle: Path) -> None:
    assert packed(bundle)
    assert digest_of(bundle) is None


@pytest.fixture
def bundle(write_bundle: Any) -> Path:
    return Path(write_bundle("Iris", "3"))
