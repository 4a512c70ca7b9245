"""The endpoints that the front process answers itself, as a Starlette application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route

from bentoml._http.security_headers import DATA_HEADERS, NOT_KEPT
from bentoml.server.front.model_endpoints import ModelEndpoints
from bentoml.server.front.sagemaker_endpoints import SageMakerEndpoints
from bentoml.server.http.error_form import is_model_path
from bentoml.server.metrics.exposition import OPENMETRICS_TYPE, TEXT_TYPE, wants_openmetrics
from bentoml.server.options.sagemaker import invoked_api
from bentoml.server.pages import pages
from bentoml.server.pages.assets import Assets
from bentoml.server.pages.documents import Document, accepts_gzip
from bentoml.server.pages.web_content import WebContent

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from bentoml.server.front.bundle_view import BundleView
    from bentoml.server.front.feedback import Feedback
    from bentoml.server.front.models import Models
    from bentoml.server.metrics.server_metrics import ServerMetrics
    from bentoml.server.options.serve_options import ServeOptions

_ASSETS_PREFIX = "/static_content/"
_JSON = "application/json"
# Read by people, monitoring and orchestrators: an API of such a name must not hide them.
_READ_PATHS = frozenset({"/", "/docs", "/docs.json", "/healthz", "/readyz", "/livez", "/metadata", "/metrics"})
_FEEDBACK = "/feedback"
# What Starlette says when nobody has said more.
_NO_DETAIL = "Not Found"
OWN_PATHS = _READ_PATHS | {_FEEDBACK}
# Where all else is moved to another port, these stay.
PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/livez", _FEEDBACK})


class Health(Protocol):
    """Whether requests can be answered now."""

    @property
    def ready(self) -> bool:
        """A worker has loaded the bundle and answers, and the server is not about to stop."""

    @property
    def reason(self) -> str:
        """Why it is not ready: one sentence for whoever asks."""


def is_own(scope: Scope) -> bool:
    """Whether a request is answered here, even if an API has that path."""
    if scope["path"] == _FEEDBACK:
        return bool(scope["method"] == "POST")
    return scope["method"] in {"GET", "HEAD"} and scope["path"] in _READ_PATHS


class _ExactRoute(Route):
    """A route for one path and no other; a pattern would also match the path with a line break after it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if scope["path"] == self.path else (Match.NONE, {})


class _FeedbackRoute(_ExactRoute):
    """Takes what is posted; a page of the user under the same path is still shown.

    Args:
        endpoint: see `Route`.
        web_content: the user's pages, if there are any.
    """

    def __init__(self, endpoint: Callable[..., Any], web_content: WebContent | None) -> None:
        super().__init__(_FEEDBACK, endpoint, methods=["POST"])
        self._is_page = web_content is not None and web_content.knows(_FEEDBACK)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        return (Match.NONE, {}) if match is Match.PARTIAL and self._is_page else (match, child_scope)


class Endpoints:
    """Pages, descriptions, health and metrics of one server, and what it is told about its answers.

    Args:
        view: the bundle.
        options: which of them are switched on.
        health: asked on each request.
        metrics: what `/metrics` shows.
        feedback: takes what is posted to `/feedback`; None when that is switched off.
        models: what the Open Inference Protocol calls the APIs; None when it is switched off.
        is_public: what is for those who run the server is somewhere else.
    """

    def __init__(
        self,
        view: BundleView,
        options: ServeOptions,
        health: Health,
        metrics: ServerMetrics,
        feedback: Feedback | None = None,
        models: Models | None = None,
        *,
        is_public: bool = False,
    ) -> None:
        self._view = view
        self._options = options
        self._health = health
        self._metrics = metrics
        self._assets: Assets | None = None
        self._pages: dict[str, Document] = {}
        self._feedback = feedback
        openapi = view.openapi_json(
            metrics_enabled=options.metrics_enabled,
            feedback_enabled=options.feedback_enabled,
            open_inference_enabled=options.open_inference_enabled,
            asks_for_tokens=bool(options.inference_tokens),
        )
        self._docs_json = Document(openapi, _JSON, headers=DATA_HEADERS)
        self._metadata = Document(view.metadata_json, _JSON, headers=DATA_HEADERS)
        self._web_content = WebContent(view.web_content_dir) if view.web_content_dir is not None else None
        self._routes = {
            "/": self._front_page,
            "/docs": self._swagger_page,
            "/docs.json": self._openapi_document,
            "/healthz": self._readiness,
            "/readyz": self._readiness,
            "/livez": self._liveness,
            "/metadata": self._service_metadata,
            "/metrics": self._metrics_text,
        }
        invoked = invoked_api(view.metadata, options)
        sagemaker = {} if invoked is None else SageMakerEndpoints(invoked, options, health).by_path
        self._models = None if models is None else ModelEndpoints(models, health)
        self._has_assets = not is_public
        if is_public:
            has_index = self._web_content is not None and self._web_content.has_index
            self._routes = {
                path: endpoint
                for path, endpoint in self._routes.items()
                if path in PUBLIC_PATHS or (path == "/" and has_index)
            }
        self._routes.update(sagemaker)

    @property
    def paths(self) -> list[str]:
        """The exact paths that are answered here."""
        return [*self._routes, _FEEDBACK]

    def application(self) -> Starlette:
        """The ASGI application."""
        routes: list[Route] = [_ExactRoute(path, endpoint, methods=["GET"]) for path, endpoint in self._routes.items()]
        routes.append(_FeedbackRoute(self._take_feedback, self._web_content))
        if self._models is not None:
            routes += self._models.routes
        if self._has_assets:
            routes.append(Route(f"{_ASSETS_PREFIX}{{name:path}}", self._asset, methods=["GET"]))
        application = Starlette(routes=routes, exception_handlers={HTTPException: _explain})
        application.router.redirect_slashes = False
        not_found = application.router.default

        async def other_paths(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and self._web_content is not None and self._web_content.knows(scope["path"]):
                response = await self._web_file(Request(scope, receive))
                await response(scope, receive, send)
            else:
                await not_found(scope, receive, send)

        application.router.default = other_paths
        return application

    def template(self, path: str) -> str | None:
        """The pattern that a decoded request path falls under; None when it leads nowhere."""
        if path in self._routes or path == _FEEDBACK:
            return path
        if self._models is not None and is_model_path(path):
            return self._models.template(path)
        if self._has_assets and path.startswith(_ASSETS_PREFIX):
            return f"{_ASSETS_PREFIX}{{file}}"
        if self._web_content is not None and self._web_content.knows(path):
            return "/{path}"
        return None

    async def _front_page(self, request: Request) -> Response:
        if self._web_content is not None and self._web_content.has_index:
            return await self._web_file(request)
        return await self._page(request, pages.front_page)

    async def _swagger_page(self, request: Request) -> Response:
        return await self._page(request, pages.swagger_page)

    async def _page(self, request: Request, make: Callable[..., Document]) -> Response:
        if not self._options.swagger_enabled:
            return _text(404, "Swagger is disabled")
        document = self._pages.get(make.__name__)
        if document is None:
            # Made on first use: reading and rendering take tens of milliseconds that a start need not wait for.
            assets = await self._loaded_assets()
            document = await run_in_threadpool(make, self._view, assets, has_metrics=self._options.metrics_enabled)
            self._pages[make.__name__] = document
        return await document.respond(request)

    async def _loaded_assets(self) -> Assets:
        if self._assets is None:
            self._assets = await run_in_threadpool(Assets)
        return self._assets

    async def _asset(self, request: Request) -> Response:
        assets = await self._loaded_assets()
        response = await assets.respond(request.path_params["name"], request)
        if response is None:
            raise HTTPException(404)
        return response

    async def _web_file(self, request: Request) -> Response:
        assert self._web_content is not None
        if request.method not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        response = await self._web_content.respond(request.scope["path"], request)
        if response is None:
            raise HTTPException(404)
        return response

    async def _openapi_document(self, request: Request) -> Response:
        return await self._docs_json.respond(request)

    async def _service_metadata(self, request: Request) -> Response:
        return await self._metadata.respond(request)

    async def _readiness(self, request: Request) -> Response:  # noqa: ARG002 - the signature of an endpoint
        if self._health.ready:
            return _text(200, "\n")
        return _text(503, f"{self._health.reason}\n", {"retry-after": "1"})

    async def _liveness(self, request: Request) -> Response:  # noqa: ARG002 - the signature of an endpoint
        return _text(200, "\n")

    async def _metrics_text(self, request: Request) -> Response:
        if not self._options.metrics_enabled:
            return _text(404, "Metrics are disabled")
        openmetrics = wants_openmetrics(request.headers.get("accept", ""))
        compressed = accepts_gzip(request.headers.get("accept-encoding", ""))
        text = await self._metrics.scrapes.text(openmetrics=openmetrics, compressed=compressed)
        headers = {**NOT_KEPT, "vary": "accept, accept-encoding"}
        headers["content-type"] = OPENMETRICS_TYPE if openmetrics else TEXT_TYPE
        if compressed:
            headers["content-encoding"] = "gzip"
        return Response(text, headers=headers)

    async def _take_feedback(self, request: Request) -> Response:
        if self._feedback is None:
            return _text(404, "Feedback is disabled")
        return await self._feedback.respond(request)


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, {**NOT_KEPT, **(headers or {})})


async def _explain(request: Request, error: Exception) -> Response:
    """Answer an `HTTPException` with a sentence."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(sorted({*(error.headers or {}).get("Allow", "GET").split(", "), "OPTIONS"}))
        if request.method == "OPTIONS":
            return Response(status_code=200, headers={**NOT_KEPT, "allow": allowed})
        return _text(405, f"Method not allowed here; use one of: {allowed}", {"allow": allowed})
    if error.status_code == 404 and error.detail == _NO_DETAIL:
        return _text(404, "Not found: nothing is served under this path; GET /docs.json lists what is")
    return _text(error.status_code, error.detail, dict(error.headers or {}))
