from __future__ import annotations

from typing import Any

import pytest

from bentoml.deploy.kubernetes.observation import state_of
from bentoml.yatai.deployment_models import DeploymentPhase

DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too slow"}
QUOTA = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}


def found(wanted: int = 2, generation: int = 3, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 3, **status},
    }


def counts(replicas: int, updated: int, available: int) -> dict[str, int]:
    return {"replicas": replicas, "updatedReplicas": updated, "availableReplicas": available}


def pods(reason: str) -> dict[str, Any]:
    statuses = [{"state": {"running": {}}}, {"state": {"waiting": {"reason": reason}}}]
    return {
        "items": [{"metadata": {"name": "p"}}, {"metadata": {"name": "q"}, "status": {"containerStatuses": statuses}}]
    }


CASES = [
    pytest.param(found(**counts(2, 2, 2)), {}, "RUNNING", "", "2 of 2 pods", id="all run"),
    pytest.param(found(generation=4, **counts(2, 2, 2)), {}, "PENDING", "", "2 of 2", id="change not seen yet"),
    pytest.param(found(), {}, "PENDING", "", "0 of 2", id="nothing yet"),
    pytest.param(found(**counts(3, 2, 2)), {}, "PENDING", "", "2 of 2", id="an old one is left"),
    pytest.param(found(**counts(2, 1, 2)), {}, "PENDING", "", "1 of 2", id="half of them"),
    pytest.param(found(**counts(2, 2, 1)), {}, "PENDING", "", "1 of 2", id="not ready"),
    pytest.param(found(0), {}, "INACTIVATED", "", "scaled to 0", id="turned off"),
    pytest.param(found(conditions=[DEADLINE]), {}, "FAILED", "too slow", "0 of 2", id="deadline"),
    pytest.param(found(conditions=[QUOTA]), {}, "PENDING", "", "exceeded quota", id="quota"),
    pytest.param(found(), pods("CrashLoopBackOff"), "CRASH_LOOP_BACK_OFF", "pod q: Crash", "0 of 2", id="crashes"),
    pytest.param(found(), pods("ImagePullBackOff"), "ERROR", "pod q: ImagePull", "0 of 2", id="no image"),
    pytest.param(found(), pods("ContainerCreating"), "PENDING", "", "0 of 2", id="starts"),
]


@pytest.mark.parametrize(("document", "its_pods", "phase", "error", "message"), CASES)
def test_state_when_seen_is_what_the_cluster_says(
    document: dict[str, Any], its_pods: dict[str, Any], phase: str, error: str, message: str
) -> None:
    state = state_of(document, its_pods)
    assert state.state is DeploymentPhase[phase]
    assert state.error_message.startswith(error)
    assert bool(state.error_message) == bool(error)
    assert message in state.info["message"]
