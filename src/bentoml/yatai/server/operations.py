"""What those ask who run the registry: is it there, is it ready, how does it do, what does it speak."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from bentoml._http.security_headers import NOT_KEPT
from bentoml._version import __version__
from bentoml.exceptions import BentoMLException
from bentoml.yatai.server.errors import RequestRefused
from bentoml.yatai.server.messages import Health, Version
from bentoml.yatai.server.routes import JSON, TEXT, About, Route
from bentoml.yatai.server.stock import Stock
from bentoml.yatai.server.telemetry import TEXT_TYPE

if TYPE_CHECKING:
    from bentoml.yatai.server.call import Call

API_VERSION = 1

logger = logging.getLogger(__name__)


def healthz(call: Call) -> Health:  # noqa: ARG001 - as all handlers
    """The process answers."""
    return Health(status="ok")


def readyz(call: Call) -> Health:
    """The catalog answers, and the server does not go down."""
    if call.core.is_draining:
        raise RequestRefused(503, "The registry goes down; ask another one, or come again")
    try:
        with call.core.database.read() as connection:
            if connection is not None:
                connection.exec_driver_sql("SELECT 1")
    except Exception as error:
        raise RequestRefused(503, "The catalog cannot be reached; the log of the registry says why") from error
    return Health(status="ok")


def metrics(call: Call) -> Response:
    """All numbers."""
    if not call.core.options.has_metrics:
        raise RequestRefused(404, "Metrics are off; set yatai.server.metrics to true")
    try:
        call.core.metrics.stocked(Stock.of(call.core.database))
    except BentoMLException as error:
        logger.warning("What the registry holds cannot be counted: %s", error)
        call.core.metrics.stocked(None)
    return Response(call.core.metrics.text(), headers={**NOT_KEPT, "content-type": TEXT_TYPE})


def version(call: Call) -> Version:  # noqa: ARG001 - as all handlers
    """What runs here."""
    return Version(version=__version__, api=API_VERSION)


def openapi(call: Call) -> Response:
    """The description of all this."""
    from bentoml.yatai.server.openapi import document

    routes = [route for route in call.request.app.routes if not route.is_page]
    found: dict[str, Any] = document(routes, call.core.options.prefix_path)
    return Response(json.dumps(found), headers={**NOT_KEPT, "content-type": JSON})


ROUTES = (
    Route("GET", "/healthz", "healthz", "Say that the process answers.", healthz, None, About.NOTHING, answer=Health),
    Route(
        "GET",
        "/readyz",
        "readyz",
        "Say whether requests can be answered.",
        readyz,
        None,
        About.NOTHING,
        answer=Health,
        errors=(503,),
    ),
    Route("GET", "/metrics", "metrics", "Give the metrics.", metrics, None, About.NOTHING, answer=TEXT, errors=(404,)),
    Route("GET", "/api/v1/version", "version", "Say which version runs.", version, None, About.NOTHING, answer=Version),
    Route("GET", "/openapi.json", "openapi", "Give this document.", openapi, None, About.NOTHING, answer=JSON),
)
