"""One generation of the bundle in the front: its description, routes, queue, pages and workers.

A reload makes another generation beside the one that serves. A request belongs to the generation that was current
when its head was complete, and is answered by the workers of that one.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from starlette.responses import Response

from bentoml.server.front.app import create_app
from bentoml.server.front.auth import Gates
from bentoml.server.front.dispatch import Dispatcher
from bentoml.server.front.endpoints import OWN_PATHS
from bentoml.server.front.feedback import Feedback
from bentoml.server.front.inference_app import InferenceApp, is_accepted
from bentoml.server.front.models import Models
from bentoml.server.front.routes import Route, routes_of, with_worker_facts
from bentoml.server.http.error_form import model_error
from bentoml.server.http.heads import KnownHeads
from bentoml.server.options.sagemaker import invoked_api
from bentoml.service.sagemaker import INVOCATIONS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from starlette.types import Receive, Scope, Send

    from bentoml.server.front.bundle_view import BundleView
    from bentoml.server.front.endpoints import Health
    from bentoml.server.http.arriving import Arriving
    from bentoml.server.logs.prediction_log import SendLines
    from bentoml.server.metrics.server_metrics import ServerMetrics
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.tracing.front_tracing import Traces
    from bentoml.server.transport.worker_link import WorkerLink


class Connection(Protocol):
    """A client connection, as far as a generation cares."""

    def awaits(self, generation: Generation) -> bool:
        """Whether a request of it is not answered yet."""


class Generation:
    """What the front knows and does about one bundle.

    Args:
        number: counts up from 1 with each reload.
        options: the server's settings; `bundle_path` is that of this bundle.
        view: the bundle, without its code.
        metrics: of the server.
        health: whether the server can answer now.
        arriving: the bodies that are not complete yet.
        loop: event loop of the front.
        send: takes (channel, lines, how many of them) for the logs of data.
        traces: follows the requests that are traced.

    Attributes:
        metrics: the same numbers, under the version of this bundle.
        dispatcher: feeds the workers of this generation.
        is_retired: nothing is to be answered any more; its workers are about to end.
        fast_routes: routes by the exact bytes of the path, once a worker has said which methods they take.
        application: answers what does not take the fast lane.
        management_application: the same for the management port, where there is one.
        known_heads: heads of requests that `fast_routes` have taken.
    """

    def __init__(
        self,
        number: int,
        options: ServeOptions,
        view: BundleView,
        metrics: ServerMetrics,
        health: Health,
        arriving: Arriving,
        loop: asyncio.AbstractEventLoop,
        send: SendLines,
        traces: Traces | None = None,
    ) -> None:
        self.number = number
        self.options = options
        self.view = view
        self.is_retired = False
        self.metrics = metrics.of_version(view.version)
        routes = routes_of(view.metadata.apis, options, self.metrics)
        self.dispatcher = Dispatcher(routes, loop, time.monotonic, traces)
        self._invoked = invoked_api(view.metadata, options)
        self.routes_by_path = {route.path: route for route in [*self._sagemaker_routes(routes), *routes]}
        self.fast_routes: dict[bytes, Route] = {}
        self.known_heads = KnownHeads()
        gates = Gates(options)
        self._inference = InferenceApp(self.dispatcher, options.max_request_size_bytes, arriving, gates.inference)
        self._running_asgi_calls = 0
        # Called by uvicorn for every request that does not take the fast lane.
        feedback = Feedback(view, options.max_request_size_bytes, arriving, send) if options.feedback_enabled else None
        self._models = Models(view.metadata) if options.open_inference_enabled else None
        self.management_application = self.application = create_app(
            view, options, health, self.metrics, self._counted_inference, self.routes_by_path, feedback, self._models
        )
        if options.management_port is not None:
            self.application = create_app(
                view,
                options,
                health,
                self.metrics,
                self._counted_inference,
                self.routes_by_path,
                feedback,
                self._models,
                is_public=True,
            )

    def welcome(self, link: WorkerLink, facts: Iterable[list[Any]]) -> None:
        """A worker has loaded the bundle.

        Args:
            link: the worker.
            facts: what its `HELLO` says about the APIs.
        """
        by_name = {fact[0]: fact for fact in facts}
        routes = [
            with_worker_facts(route, by_name[route.policy.name], self.metrics) for route in self.dispatcher.routes
        ]
        other_ways = [*self._model_routes(by_name, routes), *self._sagemaker_routes(routes)]
        self.routes_by_path.update({route.path: route for route in [*other_ways, *routes]})
        self.fast_routes.update(
            {
                _raw_path(path): route
                for path, route in self.routes_by_path.items()
                if not (route.is_stream or path in OWN_PATHS)
            }
        )
        self.known_heads.clear()
        self.dispatcher.add_worker(link, routes)

    def _model_routes(self, facts: dict[str, list[Any]], routes: list[Route]) -> list[Route]:
        """The other ways to the APIs that take tensors. They join the same queue, so they share its batches."""
        if self._models is None:
            return []
        self._models.learn(facts[route.policy.name] for route in routes)
        return self._models.routes(routes)

    def _sagemaker_routes(self, routes: list[Route]) -> list[Route]:
        """The other way to the API that answers SageMaker, into the same queue."""
        return [
            replace(route, path=INVOCATIONS, methods=route.methods & {"POST"})
            for route in routes
            if self._invoked is not None and route.policy.name == self._invoked.name
        ]

    def is_answered(self, connections: Iterable[Connection]) -> bool:
        """Whether nobody waits for an answer of this generation any more.

        Args:
            connections: all of the front; they hold the requests that are not complete, or not at their turn.
        """
        return (
            self.dispatcher.is_answered
            and not self._running_asgi_calls
            and not any(connection.awaits(self) for connection in connections)
        )

    async def _counted_inference(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_accepted(scope):
            # Its head came before a worker had said that there is such a model.
            await _not_ready(scope, receive, send)
            return
        self._running_asgi_calls += 1
        try:
            await self._inference(scope, receive, send)
        finally:
            self._running_asgi_calls -= 1


_not_ready = Response(model_error("No worker has loaded the bundle yet"), 503, {"retry-after": "1"}, "application/json")


def _raw_path(path: str) -> bytes:
    """The bytes clients send for a path, as browsers and curl write it."""
    return quote(path, safe="/!$&'()*+,;=:@~-._|[]^\\").encode("ascii")
