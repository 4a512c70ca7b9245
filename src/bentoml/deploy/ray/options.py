"""What a user asks of a deployment on Ray, checked before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bentoml.deploy.plans import MOST_WORKERS, check_number, check_variables, read_settings
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_REPLICAS = 10_000
MOST_ONGOING = 1000
"""Requests that a replica is given at a time: only what is there can be one batch. Ray's own default is 5."""
_OWN_VARIABLES = ("BENTOML_PORT", "BENTOML_GUNICORN_WORKERS", "RAY_*")
_is_prefix = re.compile(r"/|(/[A-Za-z0-9._~-]+)+").fullmatch
_is_address = re.compile(r"https?://[^\s/]+(/[^\s]*)?").fullmatch


@dataclass(frozen=True)
class RayOptions:
    """How a deployment runs on a Ray cluster.

    Args:
        address: of the dashboard, such as `http://head:8265`.
        route_prefix: of its paths; two applications of a cluster cannot have the same.
        replicas: so many; the least of them when `max_replicas` lets Ray decide.
        min_replicas: another least; 0 stops the last one when nobody asks.
        max_replicas: most; None for a fixed number.
        target_ongoing_requests: of a replica, over which Ray starts another one.
        max_ongoing_requests: that a replica is given at a time; what comes together is batched there.
        max_queued_requests: that wait for a replica in each proxy; more are refused with 503. -1 for any number.
        cpus: that a replica reserves.
        gpus: likewise; less than 1 shares a GPU.
        memory_bytes: likewise; None reserves none.
        workers: worker processes of a replica, each with the model.
        location: directory or address, such as `s3://bucket/iris.tar.gz`, where each node finds the bundle; None sends
            it there with the deployment.
        env: environment variables of the server.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    address: str
    route_prefix: str = "/"
    replicas: int = 1
    min_replicas: int | None = None
    max_replicas: int | None = None
    target_ongoing_requests: float | None = None
    max_ongoing_requests: int = MOST_ONGOING
    max_queued_requests: int = -1
    cpus: float = 1
    gpus: float = 0
    memory_bytes: int | None = None
    workers: int = 1
    location: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _is_address(self.address):
            raise InvalidArgument(
                f"address cannot be {self.address!r}: write that of the dashboard of the cluster, such as "
                "http://head:8265"
            )
        if not _is_prefix(self.route_prefix):
            raise InvalidArgument(f"route_prefix cannot be {self.route_prefix!r}: write / or a path such as /iris")
        check_number("replicas", self.replicas, 1, MOST_REPLICAS)
        if self.max_replicas is None:
            for name in ("min_replicas", "target_ongoing_requests"):
                if getattr(self, name) is not None:
                    raise InvalidArgument(f"{name} is of no use without max_replicas")
        check_number("min_replicas", self.min_replicas, 0, MOST_REPLICAS)
        check_number("max_replicas", self.max_replicas, max(self.least_replicas, 1), MOST_REPLICAS)
        check_number("target_ongoing_requests", self.target_ongoing_requests, 0.01, self.max_ongoing_requests)
        check_number("max_ongoing_requests", self.max_ongoing_requests, 1, 1_000_000)
        check_number("max_queued_requests", self.max_queued_requests, -1, 1_000_000)
        check_number("cpus", self.cpus, 0, 100_000)
        check_number("gpus", self.gpus, 0, 100_000)
        check_number("memory_bytes", self.memory_bytes, 1, 1 << 50)
        check_number("workers", self.workers, 1, MOST_WORKERS)
        check_variables(self.env, _OWN_VARIABLES)

    @property
    def least_replicas(self) -> int:
        """The fewest replicas when they scale."""
        return self.replicas if self.min_replicas is None else self.min_replicas

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> RayOptions:
        """The options out of the settings of a record.

        Raises:
            InvalidArgument: one is unknown, missing, or cannot be.
        """
        return cls(**read_settings(cls, config, "Ray"))
