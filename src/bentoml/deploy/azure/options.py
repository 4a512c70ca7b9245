"""What a user asks of a deployment on Azure, checked before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from bentoml.deploy.plans import MOST_WORKERS, check_choice, check_number, check_variables, read_settings
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

PREMIUM_PLAN_SKUS = ("EP1", "EP2", "EP3")
AUTH_LEVELS = ("anonymous", "function", "admin")
MOST_INSTANCES = 20
MOST_REPLICAS = 1000
MOST_VARIABLES = 200
_OWN_VARIABLES = ("PORT", "BENTOML_PORT", "BENTOML_CONFIG")
_OWN_OF_FUNCTIONS = ("AzureWebJobs*", "FUNCTIONS_*", "WEBSITE*", "DOCKER_*", "ASPNETCORE_*", "DOTNET_*")
_LEAST_CPU, _MOST_CPU = Decimal("0.25"), Decimal(4)
_is_location = re.compile(r"[a-z][a-z0-9]{2,}").fullmatch
_is_subscription = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


@dataclass(frozen=True)
class FunctionsOptions:
    """How a deployment runs on Azure Functions, in a Premium plan.

    Args:
        location: region, such as `westeurope`.
        premium_plan_sku: size of an instance: EP1 (1 core, 3.5 GB), EP2 (2 cores, 7 GB) or EP3 (4 cores, 14 GB).
        min_instances: that always run; 1 to 20.
        max_burst: most instances; `min_instances` to 20.
        function_auth_level: which key requests need: none, that of the function, or the one of the administrator.
        subscription: its id; None for the one in use.
        workers: processes in each instance; None is what the configuration says.
        env: environment variables.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    location: str
    premium_plan_sku: str = "EP1"
    min_instances: int = 1
    max_burst: int = MOST_INSTANCES
    function_auth_level: str = "anonymous"
    subscription: str | None = None
    workers: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_place(self.location, self.subscription)
        check_choice("premium_plan_sku", self.premium_plan_sku, PREMIUM_PLAN_SKUS)
        check_choice("function_auth_level", self.function_auth_level, AUTH_LEVELS)
        check_number("min_instances", self.min_instances, 1, MOST_INSTANCES)
        check_number("max_burst", self.max_burst, self.min_instances, MOST_INSTANCES)
        check_number("workers", self.workers, 1, MOST_WORKERS)
        _check_env(self.env, (*_OWN_VARIABLES, *_OWN_OF_FUNCTIONS))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FunctionsOptions:
        """The options out of the settings of a record.

        Raises:
            InvalidArgument: one is unknown, missing, or cannot be.
        """
        return cls(**read_settings(cls, config, "Azure Functions"))


@dataclass(frozen=True)
class ContainerAppsOptions:
    """How a deployment runs on Azure Container Apps, in the Consumption profile.

    Args:
        location: region, such as `westeurope`.
        cpu: cores of a replica, 0.25 to 4 in steps of 0.25; it has twice as many GiB of memory.
        min_replicas: that always run; 0 stops the last one when nobody asks.
        max_replicas: most of them.
        concurrency: requests of a replica at a time over which another one comes.
        internal: answer within the environment only.
        subscription: its id; None for the one in use.
        workers: processes in each replica; None is what the configuration says.
        env: environment variables.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    location: str
    cpu: str = "0.5"
    min_replicas: int = 1
    max_replicas: int = 10
    concurrency: int = 10
    internal: bool = False
    subscription: str | None = None
    workers: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_place(self.location, self.subscription)
        check_number("min_replicas", self.min_replicas, 0, MOST_REPLICAS)
        check_number("max_replicas", self.max_replicas, max(self.min_replicas, 1), MOST_REPLICAS)
        check_number("concurrency", self.concurrency, 1, 1_000_000)
        check_number("workers", self.workers, 1, MOST_WORKERS)
        _check_env(self.env, _OWN_VARIABLES)
        _ = self.cores

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ContainerAppsOptions:
        """The options out of the settings of a record.

        Raises:
            InvalidArgument: one is unknown, missing, or cannot be.
        """
        return cls(**read_settings(cls, config, "Azure Container Apps"))

    @property
    def cores(self) -> Decimal:
        """Cores of a replica."""
        try:
            cores = Decimal(self.cpu)
        except InvalidOperation:
            cores = Decimal(0)
        if not cores.is_finite() or not _LEAST_CPU <= cores <= _MOST_CPU or cores % _LEAST_CPU:
            raise InvalidArgument(f"cpu cannot be {self.cpu!r}: write 0.25 to 4, in steps of 0.25")
        return cores

    @property
    def memory(self) -> str:
        """Of a replica, such as `1Gi`: for each number of cores there is one."""
        return f"{(self.cores * 2).normalize():f}Gi"


def _check_env(env: Mapping[str, str], own: tuple[str, ...]) -> None:
    if len(env) > MOST_VARIABLES:
        raise InvalidArgument(f"at most {MOST_VARIABLES} environment variables, not {len(env)}")
    check_variables(env, own)


def _check_place(location: str, subscription: str | None) -> None:
    if not _is_location(location):
        raise InvalidArgument(
            f"location cannot be {location!r}: write the name that `az account list-locations` has, such as westeurope"
        )
    if subscription is not None and not _is_subscription(subscription):
        raise InvalidArgument(
            f"subscription cannot be {subscription!r}: write the id that `az account list` has, in small letters"
        )
