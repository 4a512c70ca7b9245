"""The door of the registry: every request comes in here, is checked, answered, counted and logged."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import Router

from bentoml._http.request_ids import request_id_of
from bentoml._http.security_headers import NOT_KEPT
from bentoml.exceptions import BentoMLException, StatusCode, Unauthenticated
from bentoml.yatai.database import CatalogUnavailable
from bentoml.yatai.server.call import Call, answer_of, read_document
from bentoml.yatai.server.errors import (
    FULL_TEXT,
    INTERNAL_TEXT,
    UNREACHABLE_TEXT,
    RequestRefused,
    classic_error_body,
    error_body,
    headers_of,
    is_disk_full,
    status_of,
)
from bentoml.yatai.server.identity import CHALLENGE, check_host, check_origin, identify, token_of
from bentoml.yatai.server.roles import ANYBODY
from bentoml.yatai.server.routes import FORM, About
from bentoml.yatai.server.table import ROUTES
from bentoml.yatai.server.telemetry import Exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Message, Receive, Scope, Send

    from bentoml.yatai.server.core import Core
    from bentoml.yatai.server.roles import Principal
    from bentoml.yatai.server.routes import Route
    from bentoml.yatai.server.telemetry import RegistryAccessLog

logger = logging.getLogger(__name__)

CLASSIC_ROOT = "/api/"
V1_ROOT = "/api/v1/"


class RegistryApp:
    """The ASGI application.

    Args:
        core: what all requests share.
        access_log: takes a line for each request; None for none.
        routes: the table.

    Attributes:
        routes: the same.
    """

    def __init__(
        self, core: Core, access_log: RegistryAccessLog | None = None, routes: Sequence[Route] = ROUTES
    ) -> None:
        self._core = core
        self._access_log = access_log
        self.routes = routes
        self._router = Router([self._as_starlette(route) for route in routes])
        self._router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        visit = _Visit(self._core, Request(scope), receive, send)
        began_s = time.monotonic()
        self._core.in_flight += 1
        self._core.metrics.started()
        try:
            await self._answer(visit)
        finally:
            self._core.in_flight -= 1
            duration_s = time.monotonic() - began_s
            self._core.metrics.ended(visit.exchange, duration_s)
            if self._access_log is not None:
                self._access_log.add(visit.exchange, duration_s)

    async def _answer(self, visit: _Visit) -> None:
        try:
            self._admit(visit)
            # Without it Starlette answers by itself where it finds no route.
            visit.request.scope["app"] = self
            await self._router(visit.request.scope, visit.receive, visit.send)
        except ClientDisconnect:
            logger.info("The client left, request id %s", visit.exchange.request_id)
        except HTTPException as error:
            await visit.refuse(RequestRefused(error.status_code, _no_route_text(error, visit), error.headers))
        except BentoMLException as error:
            await visit.refuse(error)
        except Exception as error:
            logger.exception("The registry failed, request id %s", visit.exchange.request_id)
            if visit.has_started:
                # The client must not take what it got for whole.
                raise
            is_full = is_disk_full(error)
            await visit.refuse(RequestRefused(507, FULL_TEXT) if is_full else BentoMLException(INTERNAL_TEXT))

    def _admit(self, visit: _Visit) -> None:
        core, request = self._core, visit.request
        if core.in_flight > core.options.max_concurrency and not request.url.path.endswith("/healthz"):
            raise RequestRefused(503, "The registry answers as many requests as it may; try again in a moment")
        if core.checks_hosts:
            check_host(request, core.options.allowed_hosts)
        check_origin(request)
        prefix = core.options.prefix_path
        if prefix:
            if not request.scope["path"].startswith(f"{prefix}/"):
                raise HTTPException(404)
            request.scope["root_path"] = prefix

    def _as_starlette(self, route: Route) -> StarletteRoute:
        async def endpoint(request: Request) -> Response:
            return await self._serve(route, request)

        made = StarletteRoute(route.path, endpoint, methods=[route.method], name=route.operation)
        made.methods = {route.method, "HEAD"} if route.method == "GET" else {route.method}
        return made

    async def _serve(self, route: Route, request: Request) -> Response:
        exchange: Exchange = request.scope["state"]["exchange"]
        exchange.operation = route.operation
        form = await self._read_form(route, request)
        principal = await self._identify(route, request, form.get("csrf"))
        exchange.user = principal.name
        call = Call(self._core, route, request, principal, form=form)
        if route.role is not None:
            name = call.path("name") if route.about is About.NAME else None
            principal.require(route.role, name)
            if route.about is About.WHOLE and not principal.covers_all:
                raise _not_whole(principal)
        call.query = route.read_query(request.query_params.multi_items())
        if isinstance(route.body, type):
            call.body = await read_document(call, route.body)
        return await answer_of(call)

    async def _read_form(self, route: Route, request: Request) -> dict[str, str]:
        if route.body != FORM:
            return {}
        from bentoml.yatai.server.web.forms import read_form

        return await read_form(Call(self._core, route, request, ANYBODY))

    async def _identify(self, route: Route, request: Request, form_secret: str | None) -> Principal:
        """Who asks. Where everybody is let in nobody is asked."""
        if route.role is None:
            return ANYBODY
        core = self._core
        if not core.options.requires_login and token_of(request) is None and not request.cookies:
            return ANYBODY
        try:
            return await run_in_threadpool(
                identify,
                request,
                core.credentials,
                requires_login=core.options.requires_login,
                form_secret=form_secret,
            )
        except Unauthenticated:
            core.metrics.refused("missing" if token_of(request) is None else "token")
            raise


class _Visit:
    """One request at the door, and what became of it.

    Attributes:
        request: the head of it.
        exchange: what is told of it.
        has_started: whether an answer is on its way.
    """

    def __init__(self, core: Core, request: Request, receive: Receive, send: Send) -> None:
        self.request = request
        self.has_started = False
        self._core = core
        self._receive = receive
        self._send = send
        self._has_whole_body = "content-length" not in request.headers and "transfer-encoding" not in request.headers
        given_id = request.headers.get("x-request-id")
        self.exchange = Exchange(
            method=request.method,
            path=request.scope["path"],
            client=request.client.host if request.client else "",
            request_id=request_id_of(None if given_id is None else given_id.encode("latin-1")),
        )
        request.scope.setdefault("state", {})["exchange"] = self.exchange

    async def receive(self) -> Message:
        """The next piece of the body."""
        message = await self._receive()
        if message["type"] == "http.request":
            self.exchange.received_bytes += len(message.get("body", b""))
            self._has_whole_body = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a piece of the answer."""
        if message["type"] == "http.response.start":
            self.has_started = True
            self.exchange.status = message["status"]
            headers: list[tuple[bytes, bytes]] = message.setdefault("headers", [])
            headers.append((b"x-request-id", self.exchange.request_id.encode("ascii")))
            if self._core.is_draining or not self._has_whole_body:
                # What is left of the body is not read.
                headers.append((b"connection", b"close"))
        elif message["type"] == "http.response.body":
            self.exchange.sent_bytes += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, error: BentoMLException) -> None:
        """Answer with an error, in the form that its path has."""
        status, code = status_of(error)
        message = str(error)
        if isinstance(error, CatalogUnavailable):
            logger.error("%s (request id %s)", message, self.exchange.request_id)
            message = UNREACHABLE_TEXT
        if status == 500 and code is not StatusCode.DATA_LOSS:
            if message != INTERNAL_TEXT:
                logger.error("%s (request id %s)", message, self.exchange.request_id, exc_info=error)
            status, message = (507, FULL_TEXT) if is_disk_full(error) else (status, INTERNAL_TEXT)
        if self.has_started:
            # The connection is cut, so that nobody takes what came for whole.
            logger.error("An answer broke off: %s (request id %s)", error, self.exchange.request_id)
            raise error
        path = self.request.scope["path"].removeprefix(self._core.options.prefix_path)
        page = self._page_of_error(path, status, message)
        if page is not None:
            await page(self.request.scope, self.receive, self.send)
            return
        is_classic = path.startswith(CLASSIC_ROOT) and not path.startswith(V1_ROOT)
        body = (
            classic_error_body(message, code)
            if is_classic
            else error_body(status, message, self.exchange.request_id, code)
        )
        headers = {**NOT_KEPT, **headers_of(error), "content-type": "application/json"}
        if status == 401:
            headers.update(CHALLENGE)
        await Response(body, status, headers)(self.request.scope, self.receive, self.send)

    def _page_of_error(self, path: str, status: int, message: str) -> Response | None:
        """The error as a page; None for those who do not look with a browser."""
        if not self._core.options.has_pages or path.startswith(CLASSIC_ROOT):
            return None
        from bentoml.yatai.server.web.problems import problem_page, wants_page

        if not wants_page(self.request):
            return None
        return problem_page(self._core, ROUTES[0], self.request, status, message, self.exchange.request_id)


def _no_route_text(error: HTTPException, visit: _Visit) -> str:
    method = visit.exchange.method[:20]
    if error.status_code == 405:
        return f"{method} is not possible here; the document at /openapi.json says what is"
    if error.status_code == 404:
        return "There is nothing at this path; the document at /openapi.json says where things are"
    return str(error.detail)


def _not_whole(principal: Principal) -> BentoMLException:
    from bentoml.yatai.server.roles import PermissionDenied

    return PermissionDenied(
        f"{principal.name} may use some names only, and this is about the whole registry; ask an administrator"
    )
