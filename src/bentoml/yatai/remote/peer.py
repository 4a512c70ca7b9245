"""Who is asked, and what it means when that goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

from urllib3 import exceptions as faults

from bentoml.exceptions import BentoMLRpcError
from bentoml.yatai.remote.failures import TransientError


@dataclass(frozen=True)
class Peer:
    """A registry, or the store behind it.

    Attributes:
        name: in the middle of a sentence, such as `the registry at https://yatai.example`.
        when_unreachable: what to do when nobody answers.
    """

    name: str
    when_unreachable: str

    def __str__(self) -> str:
        return self.name[0].upper() + self.name[1:]

    def failure(self, error: Exception, idle_timeout_s: float, *, has_answered: bool) -> BentoMLRpcError:
        """What an error of the library for HTTP means.

        Args:
            error: as it was raised.
            idle_timeout_s: longest silence that was allowed.
            has_answered: whether the registry has answered before.
        """
        reason = reason_of(error)
        if isinstance(error, faults.SSLError):
            return BentoMLRpcError(_tls_text(self, reason))
        if isinstance(error, faults.ProxyError):
            return BentoMLRpcError(f"The proxy on the way to {self.name} fails: {reason}; see HTTPS_PROXY and NO_PROXY")
        if isinstance(error, (faults.NewConnectionError, faults.ConnectTimeoutError)):
            text = f"{self} cannot be reached: {reason}. {self.when_unreachable}"
            # Who never answered is most likely not there; who did comes back after a restart.
            return TransientError(text) if has_answered else BentoMLRpcError(text)
        if isinstance(error, faults.TimeoutError):
            text = f"{self} said nothing for {idle_timeout_s:g} s or longer"
            return TransientError(text, may_have_arrived=True)
        if isinstance(error, (faults.ProtocolError, OSError)):
            text = f"The connection to {self.name} broke off: {reason}"
            return TransientError(text, may_have_arrived=True)
        return BentoMLRpcError(f"{self} cannot be asked: {reason}")


def _tls_text(peer: Peer, reason: str) -> str:
    if "WRONG_VERSION_NUMBER" in reason or "record layer" in reason.lower():
        return f"{peer} does not speak TLS; if it is the registry, its address begins with http://"
    return (
        f"{peer} could not show who it is: {reason}. Name the certificate of its authority with "
        "yatai.remote.tls.root_ca_cert, and see whether it wants a certificate of yours (client_cert, client_key)"
    )


def reason_of(error: BaseException) -> str:
    """The innermost thing that went wrong, in words without addresses of objects."""
    found: BaseException = error
    while True:
        inner = found.__cause__ or found.__context__ or next((x for x in found.args if isinstance(x, Exception)), None)
        if inner is None or inner is found:
            break
        found = inner
    text = getattr(found, "strerror", None) or str(found).rpartition("object at 0x")[2].rpartition(">: ")[2]
    return text or str(found) or type(found).__name__
