"""What the front itself answers to SageMaker: whether it can answer, and how much at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from bentoml._http.security_headers import NOT_KEPT
from bentoml.server.front.routes import policy_of
from bentoml.service.sagemaker import EXECUTION_PARAMETERS, PING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request

    from bentoml.server.front.endpoints import Health
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.service.metadata import ApiMetadata

# Of all requests that a batch transform has under way at a time, and so the largest one.
_TOTAL_MB = 100


class SageMakerEndpoints:
    """The endpoints.

    Args:
        api: that answers `/invocations`.
        options: how much the server takes.
        health: asked on each request.
    """

    def __init__(self, api: ApiMetadata, options: ServeOptions, health: Health) -> None:
        self._health = health
        self._parameters = json.dumps(execution_parameters(api, options)).encode()
        self.by_path: dict[str, Callable[[Request], Coroutine[Any, Any, Response]]] = {
            PING: self._ping,
            EXECUTION_PARAMETERS: self._execution_parameters,
        }

    async def _ping(self, request: Request) -> Response:  # noqa: ARG002 - the signature of an endpoint
        return Response(status_code=200 if self._health.ready else 503, headers=NOT_KEPT)

    async def _execution_parameters(self, request: Request) -> Response:  # noqa: ARG002
        return Response(self._parameters, headers=NOT_KEPT, media_type="application/json")


def execution_parameters(api: ApiMetadata, options: ServeOptions) -> dict[str, int | str]:
    """What a batch transform should do that is not told by its owner.

    Each request holds one record, as not every API takes several in one body; those that are under way together are
    batched here.
    """
    payload_mb = min(max(options.max_request_size_bytes >> 20, 1), _TOTAL_MB)
    at_a_time = options.workers * policy_of(api, options).batch_cap
    return {
        "MaxConcurrentTransforms": min(at_a_time, _TOTAL_MB // payload_mb),
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": payload_mb,
    }
