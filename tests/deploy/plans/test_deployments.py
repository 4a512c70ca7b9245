from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bentoml.deploy.plans import Deployments, Waiting
from bentoml.exceptions import (
    BentoMLException,
    InvalidArgument,
    NotFound,
    YataiDeploymentException,
    YataiServiceRpcAborted,
)
from bentoml.yatai.deployment_models import (
    Deployment,
    DeploymentPhase,
    DeploymentQuery,
    DeploymentSpec,
    DeploymentState,
    NewDeployment,
    Operator,
)
from bentoml.yatai.local import LocalRegistry
from tests.deploy.plans.memory_platform import MemoryDeployer, MemoryPlatform, failing

THINGS = ("bucket", "function", "gateway")


@pytest.fixture
def platform() -> MemoryPlatform:
    return MemoryPlatform()


@pytest.fixture
def deployments(registry: LocalRegistry, platform: MemoryPlatform) -> Deployments:
    return Deployments(registry, MemoryDeployer(platform))


def wanted(*things: str, bundle: str = "Iris:1", name: str = "iris", **settings: Any) -> NewDeployment:
    config = {"things": list(things), **settings}
    bento_name, bento_version = bundle.split(":")
    spec = DeploymentSpec(bento_name, bento_version, Operator.CUSTOM, config)
    return NewDeployment("dev", name, spec, {"team": "core"})


def statuses(deployment: Deployment) -> dict[str, str]:
    return {resource.id: resource.detail["status"] for resource in deployment.resources}


def test_deploy_makes_all_and_says_what_it_does(registry: LocalRegistry, platform: MemoryPlatform) -> None:
    said: list[str] = []
    made = Deployments(registry, MemoryDeployer(platform), said.append).deploy(wanted(*THINGS))
    assert list(platform.things) == list(THINGS)
    assert platform.things["bucket"] == '{"bundle": "Iris:1", "apis": ["predict"]}'
    assert statuses(made) == dict.fromkeys(THINGS, "exists")
    assert made.state.state is DeploymentPhase.PENDING
    assert "unfinished" not in made.state.info
    assert said == ["put bucket", "put function", "put gateway"]
    assert made == registry.find_deployment("dev", "iris")


BAD = [
    pytest.param(wanted("bucket", colour="red"), InvalidArgument, "colour", id="setting"),
    pytest.param(wanted("bucket", bundle="Iris:9"), NotFound, "Iris:9", id="bundle"),
    pytest.param(wanted("bucket", bundle="Iris:latest"), InvalidArgument, "tomorrow", id="latest"),
    pytest.param(wanted("bucket", name="a b"), InvalidArgument, "name", id="name"),
]


@pytest.mark.parametrize(("bad", "kind", "text"), BAD)
def test_deploy_when_it_cannot_be_leaves_no_record(
    registry: LocalRegistry,
    deployments: Deployments,
    platform: MemoryPlatform,
    bad: NewDeployment,
    kind: type[BentoMLException],
    text: str,
) -> None:
    with pytest.raises(kind, match=text):
        deployments.deploy(bad)
    assert registry.list_deployments(DeploymentQuery()) == []
    assert platform.calls == []


def test_deploy_when_there_is_one_refuses(deployments: Deployments, platform: MemoryPlatform) -> None:
    deployments.deploy(wanted("bucket"))
    with pytest.raises(YataiServiceRpcAborted, match="dev/iris already, PENDING; update it"):
        deployments.deploy(wanted("function"))
    assert list(platform.things) == ["bucket"]


def test_deploy_when_it_is_on_another_platform_refuses(registry: LocalRegistry, deployments: Deployments) -> None:
    registry.apply_deployment(NewDeployment("dev", "iris", DeploymentSpec("Iris", "1", Operator.RAY)))
    for act in (
        lambda: deployments.update(wanted("bucket")),
        lambda: deployments.describe("dev", "iris"),
        lambda: deployments.delete("dev", "iris"),
    ):
        with pytest.raises(NotFound, match="dev/iris is on ray, not custom; use the commands for ray"):
            act()


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), SystemExit(143)], ids=["refused", "ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", THINGS)
def test_deploy_when_any_step_fails_records_what_exists_and_delete_removes_it(
    registry: LocalRegistry,
    deployments: Deployments,
    platform: MemoryPlatform,
    at: str,
    moment: str,
    error: BaseException | None,
) -> None:
    setattr(platform, moment, failing(f"put {at}", error=error))
    with pytest.raises(YataiDeploymentException if error is None else type(error)):
        deployments.deploy(wanted(*THINGS))
    record = registry.find_deployment("dev", "iris")
    reached = THINGS[: THINGS.index(at) + 1]
    assert statuses(record) == {**dict.fromkeys(reached, "exists"), at: "pending"}
    assert set(platform.things) <= set(reached)
    assert record.state.state is DeploymentPhase.FAILED
    assert record.state.error_message.startswith(f"put {at}: ")
    assert record.state.info["unfinished"] == f"put {at}"
    assert deployments.describe("dev", "iris") == record, "what runs is not what was wanted"

    setattr(platform, moment, lambda call: None)
    platform.calls.clear()
    assert deployments.delete("dev", "iris") == ()
    assert platform.calls == [f"remove {name}" for name in reversed(reached)]
    assert platform.things == {}
    with pytest.raises(NotFound):
        registry.find_deployment("dev", "iris")


def test_update_when_the_first_attempt_has_failed_goes_on(deployments: Deployments, platform: MemoryPlatform) -> None:
    platform.before = failing("put function")
    with pytest.raises(YataiDeploymentException, match=r"put function: the platform refuses.*update the deployment"):
        deployments.deploy(wanted(*THINGS))
    platform.before = failing()
    again = deployments.update(wanted(*THINGS))
    assert statuses(again) == dict.fromkeys(THINGS, "exists")
    assert "unfinished" not in again.state.info
    assert deployments.describe("dev", "iris").state.state is DeploymentPhase.RUNNING


def test_update_removes_what_is_no_more_wanted(deployments: Deployments, platform: MemoryPlatform) -> None:
    deployments.deploy(wanted(*THINGS))
    platform.calls.clear()
    updated = deployments.update(wanted("gateway", "queue", bundle="Iris:2"))
    assert platform.calls == ["put gateway", "put queue", "remove function", "remove bucket"]
    assert statuses(updated) == {"gateway": "exists", "queue": "exists"}
    assert updated.spec.bento_tag == "Iris:2"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", ["put gateway", "put queue", "remove function", "remove bucket"])
def test_update_when_any_step_fails_loses_nothing(
    registry: LocalRegistry, deployments: Deployments, platform: MemoryPlatform, at: str, moment: str
) -> None:
    deployments.deploy(wanted(*THINGS))
    setattr(platform, moment, failing(at))
    with pytest.raises(YataiDeploymentException, match=at):
        deployments.update(wanted("gateway", "queue"))
    record = registry.find_deployment("dev", "iris")
    assert record.state.state is DeploymentPhase.FAILED
    assert set(platform.things) <= set(statuses(record))
    setattr(platform, moment, failing())
    deployments.update(wanted("gateway", "queue"))
    assert sorted(platform.things) == ["gateway", "queue"]
    deployments.delete("dev", "iris")
    assert platform.things == {}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_delete_when_a_step_fails_keeps_the_rest(
    registry: LocalRegistry, deployments: Deployments, platform: MemoryPlatform, moment: str
) -> None:
    deployments.deploy(wanted(*THINGS))
    setattr(platform, moment, failing("remove function"))
    with pytest.raises(YataiDeploymentException, match="remove function"):
        deployments.delete("dev", "iris")
    assert list(statuses(registry.find_deployment("dev", "iris"))) == ["bucket", "function"]
    setattr(platform, moment, failing())
    assert deployments.delete("dev", "iris") == ()
    assert platform.things == {}


def test_deploy_when_it_is_interrupted_says_what_can_be_done(registry: LocalRegistry, platform: MemoryPlatform) -> None:
    said: list[str] = []
    platform.before = failing("put function", error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        Deployments(registry, MemoryDeployer(platform), said.append).deploy(wanted(*THINGS))
    assert said[-1] == (
        "put function: interrupted by KeyboardInterrupt. The record of dev/iris says what exists: "
        "update the deployment to go on, or delete it"
    )


def test_delete_when_something_stays_says_what_can_be_done(deployments: Deployments, platform: MemoryPlatform) -> None:
    deployments.deploy(wanted(*THINGS))
    platform.before = failing("remove function")
    with pytest.raises(YataiDeploymentException, match="delete the deployment again, or with force to forget"):
        deployments.delete("dev", "iris")


def test_delete_when_forced_goes_on_and_says_what_is_left(
    registry: LocalRegistry, deployments: Deployments, platform: MemoryPlatform
) -> None:
    deployments.deploy(wanted(*THINGS))
    platform.before = failing("remove function")
    left = deployments.delete("dev", "iris", force=True)
    assert left == ("thing function: the platform refuses: remove function",)
    assert list(platform.things) == ["function"]
    assert registry.list_deployments(DeploymentQuery()) == []


def test_update_when_somebody_else_changes_the_record_stops_and_leaves_it_alone(
    registry: LocalRegistry, deployments: Deployments, platform: MemoryPlatform
) -> None:
    deployments.deploy(wanted(*THINGS))

    def meddle(call: str) -> None:
        if call == "put function":
            registry.set_deployment_state("dev", "iris", DeploymentState(DeploymentState.RUNNING), message="mine")

    platform.after = meddle
    with pytest.raises(YataiServiceRpcAborted, match="somebody else"):
        deployments.update(wanted(*THINGS))
    assert platform.calls[-1] == "put function"
    record = registry.find_deployment("dev", "iris")
    assert record.state.state is DeploymentPhase.RUNNING
    assert set(statuses(record)) == set(THINGS)


def test_deploy_when_the_registry_goes_away_still_has_recorded_what_may_exist(
    registry: LocalRegistry,
    deployments: Deployments,
    platform: MemoryPlatform,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:

        def lose_registry(call: str) -> None:
            if call == "put function":
                patch.setattr(registry, "set_deployment_state", _unreachable)

        platform.after = lose_registry
        with pytest.raises(YataiDeploymentException, match="the registry does not answer"):
            deployments.deploy(wanted(*THINGS))
    assert "could not be recorded" in caplog.text
    record = registry.find_deployment("dev", "iris")
    assert statuses(record) == {"bucket": "exists", "function": "pending"}
    deployments.delete("dev", "iris")
    assert platform.things == {}


def _unreachable(*args: object, **kwargs: object) -> Deployment:
    raise BentoMLException("the registry does not answer")


def test_describe_records_what_the_platform_says(
    registry: LocalRegistry, deployments: Deployments, platform: MemoryPlatform
) -> None:
    deployments.deploy(wanted(*THINGS))
    platform.things.pop("gateway")
    seen = deployments.describe("dev", "iris")
    assert seen.state.state is DeploymentPhase.PENDING
    assert seen.state.info == {"message": "2 of 3 things"}
    assert registry.find_deployment("dev", "iris") == seen


def test_describe_when_somebody_else_looks_at_the_same_time_gives_what_that_one_saw(
    registry: LocalRegistry, deployments: Deployments, platform: MemoryPlatform
) -> None:
    deployments.deploy(wanted("bucket"))
    theirs = DeploymentState(DeploymentState.ERROR, "seen by somebody else")
    platform.after = lambda call: None if call != "names" else _set_state(registry, theirs)
    assert deployments.describe("dev", "iris").state.error_message == "seen by somebody else"


def _set_state(registry: LocalRegistry, state: DeploymentState) -> None:
    registry.set_deployment_state("dev", "iris", state)


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self, on_sleep: Callable[[float], None] = lambda now: None) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.on_sleep = on_sleep

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep(self.now)


def test_wait_looks_until_it_runs(deployments: Deployments, platform: MemoryPlatform) -> None:
    deployments.deploy(wanted("bucket", "function"))
    platform.things.pop("function")
    clock = Clock(lambda now: platform.things.update(function="") if now > 110 else None)
    shown: list[DeploymentPhase] = []
    waiting = Waiting(60, 5, lambda: clock.now, clock.sleep, lambda seen: shown.append(seen.state.state))
    assert deployments.wait("dev", "iris", waiting).state.state is DeploymentPhase.RUNNING
    assert clock.slept == [5, 5, 5]
    assert shown == [DeploymentPhase.PENDING] * 3 + [DeploymentPhase.RUNNING]


def test_wait_when_it_takes_too_long_says_what_was_seen_last(
    deployments: Deployments, platform: MemoryPlatform
) -> None:
    deployments.deploy(wanted("bucket", "function"))
    platform.things.pop("function")
    clock = Clock()
    with pytest.raises(YataiDeploymentException, match=r"after 12 seconds; seen last: PENDING, 1 of 2 things\."):
        deployments.wait("dev", "iris", Waiting(12, 5, lambda: clock.now, clock.sleep))
    assert clock.slept == [5, 5, 2]


def test_wait_when_the_platform_is_silent_for_a_while_goes_on(
    deployments: Deployments, platform: MemoryPlatform
) -> None:
    deployments.deploy(wanted("bucket"))
    platform.before = failing("names")
    clock = Clock(lambda now: setattr(platform, "before", failing()))
    seen = deployments.wait("dev", "iris", Waiting(60, 5, lambda: clock.now, clock.sleep))
    assert seen.state.state is DeploymentPhase.RUNNING


def test_wait_when_it_is_gone_says_so_at_once(deployments: Deployments, platform: MemoryPlatform) -> None:
    deployments.deploy(wanted("bucket"))
    platform.things.clear()
    clock = Clock()
    with pytest.raises(YataiDeploymentException, match="does not run: INACTIVATED, 0 of 1 things"):
        deployments.wait("dev", "iris", Waiting(60, 5, lambda: clock.now, clock.sleep))
    assert clock.slept == []
