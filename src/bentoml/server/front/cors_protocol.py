"""The protocol of a front that allows cross-origin requests; any other front uses `FrontProtocol` and pays nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.server.front.protocol import FrontProtocol, ManagementProtocol

if TYPE_CHECKING:
    from bentoml.server.front.cors import Cors
    from bentoml.server.front.front import Front
    from bentoml.server.http.fast_call import FastCall
    from bentoml.server.http.refusal import Refusal


class CorsProtocol(FrontProtocol):
    """One client connection; what bypasses the ASGI application says the same about cross-origin requests.

    Args:
        cors: what to say.
        front: what all connections share.
        **uvicorn_arguments: `config`, `server_state`, `app_state`.
    """

    def __init__(self, cors: Cors, front: Front, **uvicorn_arguments: Any) -> None:
        super().__init__(front, **uvicorn_arguments)
        self._cors = cors

    def write_answer(self, call: FastCall, status: int, head: bytes, body: bytes) -> None:
        """Write one whole answer of the fast lane."""
        super().write_answer(call, status, self._cors.head(call.head.wire[3], head), body)

    def send_refusal(self, refusal: Refusal) -> None:
        """Answer a request that could not be read to its end, by the headers that have come of it."""
        fields = b"".join([b"%b: %b\r\n" % pair for pair in self.headers])
        refusal.head = self._cors.head(fields, refusal.head)
        super().send_refusal(refusal)


class CorsManagementProtocol(CorsProtocol, ManagementProtocol):
    """The same on the management port."""
