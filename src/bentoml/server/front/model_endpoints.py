"""What the front itself answers of the Open Inference Protocol: health, and what models there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from bentoml._http.security_headers import NOT_KEPT
from bentoml._version import __version__
from bentoml.adapters.open_inference.model_paths import MODELS, ROOT

if TYPE_CHECKING:
    from starlette.requests import Request

    from bentoml.server.front.endpoints import Health
    from bentoml.server.front.models import Models

_LIVE = f"{ROOT}/health/live"
_READY = f"{ROOT}/health/ready"
_MODEL = f"{MODELS}{{model}}"
_VERSION = f"{MODELS}{{model}}/versions/{{version}}"
_RETRY = {"retry-after": "1"}
# What of the protocol goes beyond its core.
_EXTENSIONS = ["binary_tensor_data"]


def is_health_path(path: str) -> bool:
    """Whether a path of the protocol only says whether something is ready."""
    return path in {_LIVE, _READY} or (path.startswith(MODELS) and path.endswith("/ready"))


class ModelEndpoints:
    """The endpoints.

    Args:
        models: of the bundle.
        health: asked on each request.
    """

    def __init__(self, models: Models, health: Health) -> None:
        self._models = models
        self._health = health
        self.routes = [
            Route(ROOT, self._server, methods=["GET"]),
            Route(_LIVE, self._live, methods=["GET"]),
            Route(_READY, self._ready, methods=["GET"]),
            Route(f"{ROOT}/repository/index", self._index, methods=["POST"]),
        ]
        for path in (_MODEL, _VERSION):
            self.routes += [
                Route(path, self._model, methods=["GET"]),
                Route(f"{path}/ready", self._model_ready, methods=["GET"]),
                Route(f"{path}/infer", self._infer, methods=["POST"]),
            ]

    def template(self, path: str) -> str | None:
        """The pattern that a decoded path falls under; None when it leads nowhere."""
        return next((route.path_format for route in self.routes if route.path_regex.match(path)), None)

    async def _server(self, request: Request) -> Response:  # noqa: ARG002 - the signature of an endpoint
        return _json(200, {"name": "bentoml", "version": __version__, "extensions": _EXTENSIONS})

    async def _live(self, request: Request) -> Response:  # noqa: ARG002
        return _json(200, {"live": True})

    async def _ready(self, request: Request) -> Response:  # noqa: ARG002
        return self._readiness({})

    async def _model_ready(self, request: Request) -> Response:
        return self._readiness({"name": self._found(request)})

    async def _model(self, request: Request) -> Response:
        name = self._found(request)
        if not self._models.is_known:
            return self._not_ready()
        return _json(200, self._models.describe(name))

    async def _index(self, request: Request) -> Response:  # noqa: ARG002
        is_ready = self._health.ready and self._models.is_known
        state = {"state": "READY", "reason": ""} if is_ready else {"state": "UNAVAILABLE", "reason": self._reason}
        return _json(200, [{"name": name, "version": self._models.version, **state} for name in self._models.names])

    async def _infer(self, request: Request) -> Response:
        # A model that is known has a route of its own.
        self._found(request)
        return self._not_ready()

    def _found(self, request: Request) -> str:
        """The model that a request names.

        Raises:
            HTTPException: there is none of that name and version.
        """
        name, version = request.path_params["model"], request.path_params.get("version")
        if not self._models.has(name, version):
            what = f"model {name!r}" if version is None else f"version {version!r} of a model {name!r}"
            there = ", ".join(map(repr, self._models.names)) or "none, as no API takes tensors"
            text = f"There is no {what[:200]}; there is {there}, version {self._models.version!r}"
            raise HTTPException(404, text)
        return str(name)

    def _readiness(self, more: dict[str, Any]) -> Response:
        if self._health.ready and self._models.is_known:
            return _json(200, {**more, "ready": True})
        return _json(503, {**more, "ready": False, "error": self._reason}, _RETRY)

    def _not_ready(self) -> Response:
        return _json(503, {"error": self._reason}, _RETRY)

    @property
    def _reason(self) -> str:
        return self._health.reason or "No worker has loaded the bundle yet"


def _json(status: int, content: Any, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(content).encode()
    return Response(body, status, {**NOT_KEPT, **(headers or {})}, "application/json")
