"""What a user asks of a deployment on ECS, checked before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.balanced_options import OWN_VARIABLES, BalancedOptions, check_all
from bentoml.deploy.plans import check_choice, check_number, check_variables, read_settings
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

ARCHITECTURES = ("x86_64", "arm64")
_GIB = 1024
MEMORY = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}
"""MiB of memory that Fargate has for a task, by its units of processors, 1024 of which are one."""
LEAST_STORAGE_GIB, MOST_STORAGE_GIB = 21, 200
MOST_TASKS = 5000
_SECRETS_MANAGER = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+"
_is_secret = re.compile(
    rf"{_SECRETS_MANAGER}(:[^:\s]*:[^:\s]*:[^:\s]*)?|arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{{12}}:parameter/[A-Za-z0-9/_.-]+"
).fullmatch
_is_role = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[A-Za-z0-9/_+=,.@-]+").fullmatch


@dataclass(frozen=True)
class EcsOptions(BalancedOptions):
    """How a deployment runs as tasks of ECS on Fargate.

    Args:
        cpu: units of processors of a task, 1024 of which are one.
        memory: of a task, MiB; which go with `cpu` says `MEMORY`.
        architecture: `x86_64` or `arm64`.
        replicas: tasks, the least of them when they scale.
        max_replicas: most tasks; None does not scale.
        cpu_target_percent: mean use of processors that scaling aims at; None does not look at it.
        requests_target: requests of a task in a minute, on average, that scaling aims at; None does not look at them.
        workers: processes in each task; None is what the configuration says.
        storage: of a task, GiB; None is the 20 that come with it.
        secrets: ARNs in Secrets Manager or of parameters of SSM, by the variables that get their values.
        task_role: ARN of the role that the code of the bundle has; None is none.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    cpu: int = 1024
    memory: int = 2048
    architecture: str = "x86_64"
    replicas: int = 1
    max_replicas: int | None = None
    cpu_target_percent: int | None = 70
    requests_target: int | None = None
    workers: int | None = None
    storage: int | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    task_role: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_size()
        self._check_scale()
        check_variables(dict.fromkeys(self.secrets, ""), OWN_VARIABLES)
        both = sorted(set(self.secrets) & set(self.env))
        if both:
            raise InvalidArgument(f"{both[0]} is a variable and a secret; leave one of them out")
        example = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:iris-AbCdEf"
        check_all("secrets", self.secrets.values(), _is_secret, example)
        roles = () if self.task_role is None else (self.task_role,)
        check_all("task_role", roles, _is_role, "arn:aws:iam::123456789012:role/iris")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> EcsOptions:
        """The options out of the settings of a record.

        Raises:
            InvalidArgument: one is unknown, missing, or cannot be.
        """
        return cls(**read_settings(cls, config, "AWS ECS"))

    @property
    def scales(self) -> bool:
        """Whether the number of tasks follows the load."""
        return self.max_replicas is not None

    def _check_size(self) -> None:
        if self.cpu not in MEMORY:
            raise InvalidArgument(f"cpu must be one of {', '.join(map(str, MEMORY))} units, not {self.cpu}")
        if self.memory not in MEMORY[self.cpu]:
            sizes = ", ".join(map(str, MEMORY[self.cpu]))
            raise InvalidArgument(
                f"with {self.cpu} units of cpu the memory must be one of {sizes} MiB, not {self.memory}"
            )
        check_choice("architecture", self.architecture, ARCHITECTURES)
        check_number("storage", self.storage, LEAST_STORAGE_GIB, MOST_STORAGE_GIB)
        check_number("workers", self.workers, 1, 1024)

    def _check_scale(self) -> None:
        check_number("replicas", self.replicas, 1, MOST_TASKS)
        check_number("max_replicas", self.max_replicas, self.replicas, MOST_TASKS)
        check_number("cpu_target_percent", self.cpu_target_percent, 1, 100)
        check_number("requests_target", self.requests_target, 1, 1_000_000)
        if self.requests_target is not None and not self.scales:
            raise InvalidArgument("requests_target needs max_replicas: without it the number of tasks stays")
        if self.scales and self.cpu_target_percent is None and self.requests_target is None:
            raise InvalidArgument("max_replicas needs cpu_target_percent or requests_target, which say when to scale")
