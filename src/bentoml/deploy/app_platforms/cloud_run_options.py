"""What a user asks of a service on Cloud Run, checked before a file is written; Google says it later."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bentoml.deploy.app_platforms.server import MOST_AT_ONCE, OWN_VARIABLES
from bentoml.deploy.plans import MOST_WORKERS, check_choice, check_number, check_variables
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

INGRESS = ("all", "internal", "internal-and-cloud-load-balancing")
GPU_TYPES = ("nvidia-l4",)
MEMORY_MIB = {1: (512, 4096), 2: (512, 8192), 4: (2048, 16384), 6: (4096, 24576), 8: (4096, 32768)}
"""Cores of an instance, with the least and the most memory that it can have, https://cloud.google.com/run/docs/configuring."""
LONGEST_ANSWER_S = 3600
_WITH_GPU = (4, 16384)
_RESERVED = ("K_SERVICE", "K_REVISION", "K_CONFIGURATION", "X_GOOGLE_*")
_memory = re.compile(r"([1-9][0-9]*)(Mi|Gi)").fullmatch
_is_region = re.compile(r"[a-z]+-[a-z]+[0-9]+").fullmatch
_is_account = re.compile(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com").fullmatch
_is_secret = re.compile(r"[A-Za-z0-9_-]{1,255}(:(latest|[1-9][0-9]*))?").fullmatch


@dataclass(frozen=True)
class CloudRunOptions:
    """How a service runs.

    Args:
        region: such as `europe-west1`; None leaves it to the command that applies the file.
        cpu: cores of an instance: 1, 2, 4, 6 or 8.
        memory: of an instance, such as `512Mi` or `2Gi`; files that it writes take it, too.
        min_instances: that always run; 0 stops the last one when nobody asks.
        max_instances: most of them.
        concurrency: requests that an instance gets at a time; None follows from the APIs of the bundle.
        timeout_s: after which an answer is given up; None follows from the APIs of the bundle.
        workers: processes in each instance, each with a copy of the model.
        cpu_throttling: give an instance its cores only while it has requests.
        gpu_type: of one GPU; None is none.
        ingress: who may reach the service: all, the networks of the project, or these and its load balancers.
        service_account: that it runs as; None is the default one.
        env: environment variables.
        secrets: variables with `SECRET` or `SECRET:VERSION` of Secret Manager.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    region: str | None = None
    cpu: int = 1
    memory: str = "1Gi"
    min_instances: int = 0
    max_instances: int = 10
    concurrency: int | None = None
    timeout_s: int | None = None
    workers: int = 1
    cpu_throttling: bool = True
    gpu_type: str | None = None
    ingress: str = "all"
    service_account: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.region is not None and not _is_region(self.region):
            raise InvalidArgument(f"region cannot be {self.region!r}: write one such as europe-west1")
        if self.service_account is not None and not _is_account(self.service_account):
            raise InvalidArgument(
                f"service_account cannot be {self.service_account!r}: write NAME@PROJECT.iam.gserviceaccount.com"
            )
        check_choice("ingress", self.ingress, INGRESS)
        self._check_numbers()
        self._check_memory()
        self._check_gpu()
        check_variables(self.env, (*OWN_VARIABLES, *_RESERVED))
        self._check_secrets()

    @property
    def memory_mib(self) -> int:
        """Memory of an instance.

        Raises:
            InvalidArgument: `memory` is no quantity.
        """
        found = _memory(self.memory)
        if not found:
            raise InvalidArgument(f"memory cannot be {self.memory!r}: write a quantity such as 512Mi or 2Gi")
        return int(found[1]) * (1024 if found[2] == "Gi" else 1)

    def _check_numbers(self) -> None:
        check_number("min_instances", self.min_instances, 0, 1000)
        check_number("max_instances", self.max_instances, max(self.min_instances, 1), 1000)
        check_number("concurrency", self.concurrency, 1, MOST_AT_ONCE)
        check_number("timeout", self.timeout_s, 1, LONGEST_ANSWER_S)
        check_number("workers", self.workers, 1, MOST_WORKERS)

    def _check_memory(self) -> None:
        if self.cpu not in MEMORY_MIB:
            raise InvalidArgument(f"cpu must be one of {', '.join(map(str, MEMORY_MIB))}, not {self.cpu}")
        least, most = MEMORY_MIB[self.cpu]
        if not least <= self.memory_mib <= most:
            raise InvalidArgument(
                f"an instance with {self.cpu} CPU has {least}Mi to {most}Mi of memory, not {self.memory}"
            )

    def _check_gpu(self) -> None:
        if self.gpu_type is None:
            return
        check_choice("gpu_type", self.gpu_type, GPU_TYPES)
        cpu, memory_mib = _WITH_GPU
        if self.cpu < cpu or self.memory_mib < memory_mib:
            raise InvalidArgument(f"an instance with a GPU has at least {cpu} CPU and {memory_mib}Mi of memory")
        if self.cpu_throttling:
            raise InvalidArgument("an instance with a GPU keeps its cores: give no_cpu_throttling, too")

    def _check_secrets(self) -> None:
        # Their values are not here, and settings of the server may be among them.
        others = {name: "" for name in self.secrets if not name.startswith("BENTOML__")}
        check_variables(others, (*OWN_VARIABLES, *_RESERVED))
        for name, secret in self.secrets.items():
            if not _is_secret(secret):
                raise InvalidArgument(f"secrets: write VARIABLE=SECRET or VARIABLE=SECRET:VERSION, not {name}={secret}")
            if name in self.env:
                raise InvalidArgument(f"{name} is a variable and a secret: leave one of them out")
