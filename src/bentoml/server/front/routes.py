"""The API routes of the served bundle, as the front knows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bentoml.server.scheduling.scheduler import ApiPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bentoml.server.metrics.counters import RouteCounters
    from bentoml.server.metrics.server_metrics import ServerMetrics
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.service.metadata import ApiMetadata


@dataclass(frozen=True)
class Route:
    """One API route.

    Attributes:
        index: position in the table; frames carry it.
        path: decoded path with its leading slash.
        policy: how requests may be run.
        counters: by HTTP method; those of POST stand for requests that no method is known for.
        methods: upper-case HTTP methods the input adapter takes; empty until a worker has said which.
        is_idempotent: whether a call may be run again whose worker died.
        is_of_model: whether it is another way to an API, on which the Open Inference Protocol is spoken.
    """

    index: int
    path: str
    policy: ApiPolicy
    counters: Mapping[str, RouteCounters]
    methods: frozenset[str] = frozenset()
    is_idempotent: bool = True
    is_of_model: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether the function is a generator, so that answers come in pieces."""
        return self.policy.max_streams > 0


def policy_of(api: ApiMetadata, options: ServeOptions) -> ApiPolicy:
    """What the bundle and the options say about one API; the options win."""
    max_latency_ms = options.mb_max_latency_ms if options.mb_max_latency_ms is not None else api.mb_max_latency
    max_batch_size = options.mb_max_batch_size if options.mb_max_batch_size is not None else api.mb_max_batch_size
    return ApiPolicy(
        name=api.name,
        is_batch=api.batch,
        max_batch_size=max_batch_size,
        max_latency_s=max_latency_ms / 1000 if api.batch else options.timeout_s,
    )


def routes_of(apis: Iterable[ApiMetadata], options: ServeOptions, metrics: ServerMetrics) -> list[Route]:
    """The routes of a bundle in the order of its manifest."""
    return [
        Route(
            index,
            f"/{api.route}",
            policy_of(api, options),
            {"POST": metrics.route(api.route)},
        )
        for index, api in enumerate(apis)
    ]


def with_worker_facts(route: Route, fact: list[Any], metrics: ServerMetrics) -> Route:
    """Add what a `HELLO` says about the API; see `wire.py`."""
    _, name, methods, is_concurrent, max_streams, is_idempotent, *_ = fact
    return replace(
        route,
        methods=frozenset(methods),
        is_idempotent=bool(is_idempotent),
        counters={**route.counters, **{method: metrics.route(name, method) for method in methods}},
        policy=replace(route.policy, is_concurrent=bool(is_concurrent), max_streams=int(max_streams)),
    )
