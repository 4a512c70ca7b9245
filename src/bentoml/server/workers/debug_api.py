"""`--debug`: answers to failed requests with the traceback in them, for clients on this machine."""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any

from bentoml._http.loopback import may_see_tracebacks
from bentoml.service.failure_notes import noted_failures
from bentoml.types import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.service import InferenceAPI
    from bentoml.types import HTTPRequest


class DebugAPI:
    """An API as a worker calls it, whose answers of 500 and above tell loopback clients the traceback.

    Args:
        api: the API; everything else is asked of it.
        on_unix_socket: whether the server listens on one.
    """

    def __init__(self, api: InferenceAPI, *, on_unix_socket: bool) -> None:
        self._api = api
        self._on_unix_socket = on_unix_socket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def respond(self, requests: Sequence[HTTPRequest], task_ids: Sequence[str]) -> list[HTTPResponse]:
        """See `InferenceAPI.respond`."""
        with noted_failures() as notes:
            responses = self._api.respond(requests, task_ids)
        return self._shown(requests, task_ids, responses, notes)

    async def respond_async(self, requests: Sequence[HTTPRequest], task_ids: Sequence[str]) -> list[HTTPResponse]:
        """See `InferenceAPI.respond_async`."""
        with noted_failures() as notes:
            responses = await self._api.respond_async(requests, task_ids)
        return self._shown(requests, task_ids, responses, notes)

    async def open_stream_async(self, request: HTTPRequest, task_id: str) -> Any:
        """See `InferenceAPI.open_stream_async`; what fails after the beginning is in the log only."""
        with noted_failures() as notes:
            opened = await self._api.open_stream_async(request, task_id)
        if isinstance(opened, HTTPResponse):
            return self._shown([request], [task_id], [opened], notes)[0]
        return opened

    def _shown(
        self,
        requests: Sequence[HTTPRequest],
        task_ids: Sequence[str],
        responses: Sequence[HTTPResponse],
        notes: Mapping[str, BaseException],
    ) -> list[HTTPResponse]:
        shown = list(responses)
        for index, (request, task_id, response) in enumerate(zip(requests, task_ids, responses, strict=True)):
            error = notes.get(task_id)
            if error is not None and response.status >= 500 and self._may_see(request):
                text = "".join(traceback.format_exception(error))
                # A new one: responses may share their headers, and answers are not changed in place.
                join = _joined_in_json if self._api.is_of_model(request.path) else _joined
                shown[index] = HTTPResponse(response.status, response.headers, join(response.body, text))
        return shown

    def _may_see(self, request: HTTPRequest) -> bool:
        fields = [(name.lower(), value) for name, value in request.headers.to_json()]
        return may_see_tracebacks(request.client, fields, on_unix_socket=self._on_unix_socket)


def _joined(body: bytes, text: str) -> bytes:
    end = text.encode("utf-8", "backslashreplace")
    return b"%b\n\n%b" % (body, end) if body else end


def _joined_in_json(body: bytes, text: str) -> bytes:
    """The error of the Open Inference Protocol, with the traceback beside it."""
    return json.dumps({**json.loads(body), "traceback": text}).encode()
