"""The step that runs another program."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bentoml._util import proc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.deploy.plans.workshop import Workshop
    from bentoml.yatai.deployment_models import DeploymentResource

LIMIT_S = 300.0


@dataclass(frozen=True)
class Program:
    """Runs a program in the directory of the plan; each value is an argument of its own, which no shell takes apart.

    Attributes:
        title: what it does, in a few words.
        argv: program and arguments.
        creates: what exists after it.
        secret_env: variables that only the program sees; lines show their names.
        timeout_s: the program is killed after this many seconds.
    """

    title: str
    argv: tuple[str, ...]
    creates: tuple[DeploymentResource, ...] = ()
    secret_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = LIMIT_S

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        return (shlex.join(self.argv),)

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        done = proc.run(self.argv, cwd=workshop.directory, env=self.secret_env, timeout_s=self.timeout_s, check=True)
        for line in done.stdout.splitlines():
            workshop.say(line)
