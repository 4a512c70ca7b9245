"""Who may ask: gates before inference, metrics and pages, each of which takes tokens of its own.

A token is sent as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`, and for the pages also as the password of
`Authorization: Basic`, which is what a browser can ask its user for.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from bentoml._http.security_headers import NOT_KEPT
from bentoml.server.front.model_endpoints import is_health_path
from bentoml.server.http.call import REFUSALS
from bentoml.server.http.error_form import is_model_path
from bentoml.server.options.tokens import DIGEST_PREFIX
from bentoml.service.sagemaker import EXECUTION_PARAMETERS, PING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from bentoml.server.options.serve_options import ServeOptions

_HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/livez"})


class Gate:
    """Lets requests into one area.

    Args:
        digests: of the tokens that open it, as `digest_of` gives them.
        area: what it is called in the challenge; ASCII.
        takes_passwords: whether a token may be the password of `Basic`.

    Attributes:
        challenge: what a 401 says in `WWW-Authenticate`.
    """

    def __init__(self, digests: Sequence[str], area: str, *, takes_passwords: bool = False) -> None:
        self._digests = [bytes.fromhex(digest.removeprefix(DIGEST_PREFIX)) for digest in digests]
        self._takes_passwords = takes_passwords
        self.challenge = f'{"Basic" if takes_passwords else "Bearer"} realm="{area}"'

    def admits(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a request brings a token that opens this gate. How long that takes does not tell how near one is.

        Args:
            headers: (name, value) pairs, names in lower case.
        """
        is_open = False
        for token in self._tokens(headers):
            presented = hashlib.sha256(token).digest()
            for digest in self._digests:
                is_open |= hmac.compare_digest(presented, digest)
        return is_open

    def _tokens(self, headers: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
        for name, value in headers:
            if name == b"x-api-key":
                yield value.strip()
            elif name == b"authorization":
                scheme, _, rest = value.strip().partition(b" ")
                if scheme.lower() == b"bearer":
                    yield rest.strip()
                elif scheme.lower() == b"basic" and self._takes_passwords:
                    yield _password_of(rest)


def _password_of(credentials: bytes) -> bytes:
    try:
        decoded = binascii.a2b_base64(credentials.strip())
    except binascii.Error:
        return b""
    return decoded.partition(b":")[2]


class Gates:
    """The gates of all areas; None stands open.

    Args:
        options: which digests open what.

    Attributes:
        inference: the APIs, and feedback about their answers.
        metrics: what monitoring reads.
        pages: everything else that is read in a browser, and the descriptions of the service.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._has_models = options.open_inference_enabled
        self._has_sagemaker = options.sagemaker_enabled
        self.inference = Gate(options.inference_tokens, "inference") if options.inference_tokens else None
        self.metrics = Gate(options.metrics_tokens, "metrics") if options.metrics_tokens else None
        self.pages = Gate(options.docs_tokens, "docs", takes_passwords=True) if options.docs_tokens else None

    def of_own_path(self, path: str) -> Gate | None:
        """The gate before an endpoint of the server itself. Whoever starts and stops servers must always see health."""
        if path in _HEALTH_PATHS:
            return None
        if self._has_models and is_model_path(path):
            return None if is_health_path(path) else self.inference
        if self._has_sagemaker and path in {PING, EXECUTION_PARAMETERS}:
            return None if path == PING else self.inference
        if path == "/metrics":
            return self.metrics
        return self.inference if path == "/feedback" else self.pages


class Guarded:
    """The server's own endpoints behind their gates, as an ASGI application.

    Args:
        app: the endpoints.
        gates: before them.
    """

    def __init__(self, app: ASGIApp, gates: Gates) -> None:
        self._app = app
        self._gates = gates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401. `OPTIONS` passes: browsers ask with it what they may send."""
        gate = self._gate_of(scope)
        if gate is None or gate.admits(scope["headers"]):
            await self._app(scope, receive, send)
            return
        # The door behind which this stands gives it the form that the client wants.
        headers = {**NOT_KEPT, "www-authenticate": gate.challenge}
        await PlainTextResponse(REFUSALS[401], 401, headers)(scope, receive, send)

    def _gate_of(self, scope: Scope) -> Gate | None:
        if scope["type"] != "http" or scope["method"] == "OPTIONS":
            return None
        return self._gates.of_own_path(scope["path"])
