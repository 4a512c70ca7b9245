"""The address of a registry, as users write it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from bentoml.exceptions import InvalidArgument

_SCHEMES = {"": "http", "http": "http", "grpc": "http", "https": "https", "grpcs": "https"}
_FORM = "write it as https://HOST, http://HOST:PORT or HOST:PORT, with or without a path"


@dataclass(frozen=True)
class RegistryAddress:
    """Where a registry answers.

    Attributes:
        scheme: `http` or `https`.
        host: a name, or an address of IPv4 or IPv6 (without brackets).
        port: TCP port.
        prefix: path before all others, without a slash at its end; empty for none.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> RegistryAddress:
        """Read an address; `grpc` and `grpcs`, of classic registries, mean `http` and `https`.

        Raises:
            InvalidArgument: it is none, or holds credentials.
        """
        scheme = text.partition("://")[0].lower() if "://" in text else ""
        if scheme not in _SCHEMES:
            raise InvalidArgument(f"{scheme}:// is no scheme of a registry; {_FORM}")
        rest = text.partition("://")[2] if "://" in text else text
        if any(character.isspace() or not character.isprintable() for character in text):
            raise InvalidArgument(f"the address of a registry holds white space; {_FORM}")
        try:
            parts = urlsplit(f"//{rest}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InvalidArgument(f"the address of the registry cannot be read: {error}; {_FORM}") from None
        if "@" in parts.netloc:
            raise InvalidArgument("the address of a registry holds no credentials; set yatai.remote.access_token")
        if not host or port == 0 or "\\" in rest:
            raise InvalidArgument(f"{rest!r} names no host of a registry; {_FORM}")
        if parts.query or parts.fragment or {"..", "."} & set(parts.path.split("/")):
            raise InvalidArgument(f"{rest!r} is no address of a registry: it ends with a path at most; {_FORM}")
        secure = _SCHEMES[scheme] == "https"
        prefix = quote(parts.path.rstrip("/"), safe="/%")
        return cls(_SCHEMES[scheme], host, port or (443 if secure else 80), prefix)

    @property
    def url(self) -> str:
        """The whole address, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.is_secure else 80)
        return f"{self.scheme}://{host}{'' if usual else f':{self.port}'}{self.prefix}"

    @property
    def is_secure(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine, so that nothing goes over a network."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return self.url
