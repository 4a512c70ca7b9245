"""Looking at a deployment again and again, until it runs or is given up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.yatai.deployment_models import Deployment

POLL_S = 5.0
WAIT_S = 600.0
GOES_ON = frozenset({DeploymentPhase.PENDING, DeploymentPhase.UNKNOWN})
GOOD = frozenset({DeploymentPhase.RUNNING, DeploymentPhase.SUCCEEDED, DeploymentPhase.COMPLETED})


def _unseen(deployment: Deployment) -> None:
    """Look away."""


@dataclass(frozen=True)
class Waiting:
    """How long, and how often.

    Attributes:
        timeout_s: the longest time.
        poll_s: time between two looks.
        clock: seconds, from any beginning.
        sleep: waits so many seconds.
        show: is called after each look.
    """

    timeout_s: float = WAIT_S
    poll_s: float = POLL_S
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    show: Callable[[Deployment], None] = _unseen

    def until_settled(self, look: Callable[[], Deployment]) -> Deployment:
        """Look until it runs.

        Args:
            look: says how the deployment does now.

        Raises:
            YataiDeploymentException: it has failed, or does not run in time; the text has what was seen last.
        """
        end_s = self.clock() + self.timeout_s
        while True:
            seen = look()
            self.show(seen)
            if seen.state.state in GOOD:
                return seen
            if seen.state.state not in GOES_ON:
                raise YataiDeploymentException(f"The deployment {seen.full_name} does not run: {said(seen)}")
            left_s = end_s - self.clock()
            if left_s <= 0:
                raise YataiDeploymentException(
                    f"The deployment {seen.full_name} does not run after {self.timeout_s:g} seconds; seen last: "
                    f"{said(seen)}. It goes on to start; look again later"
                )
            self.sleep(min(self.poll_s, left_s))


def said(deployment: Deployment) -> str:
    """The state of a deployment in words, with what the platform says."""
    state = deployment.state
    more = state.error_message or state.info.get("message")
    return f"{state.state.name}, {more}" if more else state.state.name
