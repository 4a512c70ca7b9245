"""The ASGI application of the front: API routes go to the inference lane, everything else to our own endpoints."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from bentoml._http.request_ids import request_id_of
from bentoml.server.front.auth import Gates, Guarded
from bentoml.server.front.cors import Cors
from bentoml.server.front.endpoints import Endpoints, Health, is_own
from bentoml.server.front.error_door import ErrorDoor
from bentoml.server.front.inference_app import REFUSED
from bentoml.server.http.asgi_headers import first_value
from bentoml.server.logs.access_line import OtherTarget
from bentoml.server.metrics.server_metrics import UNKNOWN_ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Container

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bentoml.server.front.bundle_view import BundleView
    from bentoml.server.front.feedback import Feedback
    from bentoml.server.front.models import Models
    from bentoml.server.metrics.server_metrics import ServerMetrics
    from bentoml.server.options.serve_options import ServeOptions

__all__ = ["Health", "create_app"]

logger = logging.getLogger(__name__)

_REQUEST_ID = b"x-request-id"
# What the log of a web server conventionally says when the client left before the answer began.
_CLIENT_LEFT = 499


def create_app(
    view: BundleView,
    options: ServeOptions,
    health: Health,
    metrics: ServerMetrics,
    inference: ASGIApp | None = None,
    inference_paths: Container[str] = (),
    feedback: Feedback | None = None,
    models: Models | None = None,
    *,
    is_public: bool = False,
) -> ASGIApp:
    """Build the application.

    Every answer carries `X-Request-Id`: the one that the answering part has set, else the client's, else a new one.

    Args:
        view: the bundle.
        options: which endpoints are switched on.
        health: whether a worker can answer.
        metrics: counts the requests to our own endpoints; those to API routes are counted where they are run.
        inference: answers API routes, whatever their method.
        inference_paths: decoded paths of the API routes with their leading slash; looked at on each request. They are
            compared as a whole, because a route may hold characters that mean something in a path pattern.
        feedback: takes what is posted to `/feedback`; None when that is switched off.
        models: what the Open Inference Protocol calls the APIs; None when it is switched off.
        is_public: pages and metrics are elsewhere; only inference, feedback, health and the user's own pages are here.
    """
    endpoints = Endpoints(view, options, health, metrics, feedback, models, is_public=is_public)
    guarded: ASGIApp = ErrorDoor(Guarded(endpoints.application(), Gates(options)), options)
    if options.cors is not None:
        # Around the gates: a page has to be able to read that a token is asked for.
        cors = Cors(options.cors)
        guarded = cors.around(guarded)
        inference = cors.around(inference) if inference is not None else None
    site = _Counted(endpoints, guarded, metrics)
    for path in endpoints.paths:
        if inference is not None and path in inference_paths:
            method = "POST" if path == "/feedback" else "GET"
            logger.warning(
                "%s %s is answered by the server itself; the API of that path gets all other methods", method, path
            )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await site.inner(scope, receive, send)
            return
        send = _with_request_id(scope, send)
        if any(name == b"expect" for name, _ in scope["headers"]):
            receive, send = _closing_unless_read(receive, send)
        if inference is not None and scope["path"] in inference_paths and not is_own(scope):
            await inference(scope, receive, send)
        else:
            await site(scope, receive, send)

    return app


def _closing_unless_read(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """For a client that waits for `100 Continue`, which the first look at the body sends.

    One that gets an answer instead may send the body or not, and nobody could tell it from the next request.
    """
    is_read = False

    async def noting_receive() -> Message:
        nonlocal is_read
        is_read = True
        return await receive()

    async def closing_send(message: Message) -> None:
        if message["type"] == "http.response.start" and not is_read:
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return noting_receive, closing_send


class _Counted:
    """Our own endpoints, each request counted under the pattern of its path."""

    def __init__(self, endpoints: Endpoints, guarded: ASGIApp, metrics: ServerMetrics) -> None:
        self.inner = guarded
        self._endpoints = endpoints
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counters = self._metrics.other(self._endpoints.template(scope["path"]) or UNKNOWN_ENDPOINT)
        request_id = _given_or_new_id(scope)
        status, size_bytes = _CLIENT_LEFT, 0

        async def observed_send(message: Message) -> None:
            nonlocal status, size_bytes, request_id
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", ()))
                own_id = first_value(headers, _REQUEST_ID)
                if own_id is not None:
                    request_id = request_id_of(own_id)
                else:
                    message = {**message, "headers": [*headers, (_REQUEST_ID, request_id.encode("ascii"))]}
            elif scope["method"] != "HEAD":
                size_bytes += len(message.get("body", b""))
            await send(message)

        counters.started()
        began_s = time.perf_counter()
        try:
            await self.inner(scope, receive, observed_send)
        finally:
            duration_s = time.perf_counter() - began_s
            counters.finished(status, duration_s)
            access_log = self._metrics.ledger.access_log
            if access_log is not None and not scope.get("state", {}).get(REFUSED):
                target = OtherTarget(scope["method"], scope["path"])
                client = scope["client"][0] if scope.get("client") else ""
                access_log.add(target, client, request_id, status, size_bytes, duration_s)


def _with_request_id(scope: Scope, send: Send) -> Send:
    async def identified_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if not any(name.lower() == _REQUEST_ID for name, _ in headers):
                headers.append((_REQUEST_ID, _given_or_new_id(scope).encode("ascii")))
                message = {**message, "headers": headers}
        await send(message)

    return identified_send


def _given_or_new_id(scope: Scope) -> str:
    return request_id_of(first_value(scope["headers"], _REQUEST_ID))
