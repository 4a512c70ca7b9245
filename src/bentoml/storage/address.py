"""Addresses of objects: what they name, and how they are shown without what is secret in them."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field

from bentoml.exceptions import InvalidArgument

STORES = ("s3", "gs", "azure")
WEB = ("https", "http")

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
# It may become a part of the name of a host; none of these can change which host that is.
_CONTAINER = re.compile(r"\$?[A-Za-z0-9](?:[A-Za-z0-9._-]{1,220}[A-Za-z0-9])")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True)
class Address:
    """Where an object is. As text it lacks what may be secret: user, password and query.

    Attributes:
        scheme: one of `STORES` or `WEB`.
        container: bucket or container; of the web the host, with a port where one is given.
        name: of the object in its container; of the web path and query, as they are sent.
        credentials: user and password of the web, `user:password`; empty for none.
    """

    scheme: str
    container: str
    name: str = field(repr=False)
    credentials: str = field(default="", repr=False)

    def __str__(self) -> str:
        if self.scheme in WEB:
            return f"{self.scheme}://{self.container}{self.name.partition('?')[0]}"
        return f"{self.scheme}://{self.container}/{self.name}"

    @property
    def is_web(self) -> bool:
        """Whether it is one of http or https."""
        return self.scheme in WEB

    @property
    def host(self) -> str:
        """Name or number of the host of an address of the web, without brackets."""
        return str(urllib.parse.urlsplit(f"//{self.container}").hostname)

    @property
    def port(self) -> int:
        """TCP port of an address of the web."""
        return urllib.parse.urlsplit(f"//{self.container}").port or (443 if self.scheme == "https" else 80)

    def child(self, name: str) -> Address:
        """The address of something below this one, which names a directory."""
        path, question_mark, query = self.name.partition("?") if self.is_web else (self.name, "", "")
        below = f"{path.rstrip('/')}/{name}"
        below = below if self.is_web else below.lstrip("/")
        return Address(self.scheme, self.container, below + question_mark + query, self.credentials)


def is_address(text: str) -> bool:
    """Whether a text is an address, of whatever kind, and not a path or a tag."""
    return _ADDRESS.fullmatch(text) is not None


def parse_address(text: str) -> Address:
    """Read an address.

    Args:
        text: such as `s3://bucket/path/x.tar.gz` or `https://host/x.tar.gz`.

    Raises:
        InvalidArgument: it is no such address; the text does not repeat what may be secret in it.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise InvalidArgument(f"{shown(text)} is not an address")
    scheme, rest = match[1].lower(), match[2]
    if scheme == "file":
        raise InvalidArgument(f"{shown(text)}: give the path of the directory, without file://")
    if scheme in STORES:
        return _parse_object(scheme, rest, text)
    if scheme in WEB:
        return parse_web(text)
    raise InvalidArgument(
        f"{shown(text)}: addresses begin with {', '.join(f'{known}://' for known in (*STORES, *WEB))}"
    )


def _parse_object(scheme: str, rest: str, text: str) -> Address:
    container, _, name = rest.partition("/")
    if _CONTAINER.fullmatch(container) is None:
        raise InvalidArgument(f"{shown(text)}: {scheme}:// is followed by the name of a bucket or container")
    if any(ord(letter) < 32 or letter == "\x7f" for letter in name):
        raise InvalidArgument(f"{shown(text)}: the name of the object has control characters")
    parts = name.rstrip("/").split("/") if name.strip("/") else []
    if any(part in {"", ".", ".."} for part in parts):
        raise InvalidArgument(f"{shown(text)}: the name of the object has an empty part, or one of dots")
    return Address(scheme, container, "/".join(parts))


def parse_web(text: str) -> Address:
    """Read an address of the web; its path is quoted where it has to be, a fragment is dropped.

    Raises:
        InvalidArgument: it is no such address.
    """
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidArgument(f"{shown(text)} is no address: {error}") from None
    scheme = parts.scheme.lower()
    if scheme not in WEB:
        raise InvalidArgument(f"{shown(text)}: the address does not begin with https://")
    if _UNPRINTABLE.search(text) or "\\" in text:
        raise InvalidArgument(f"{shown(text)}: spaces, backslashes and control characters have to be quoted")
    host = _ascii_host(host, text)
    container = f"[{host}]" if ":" in host else host
    if _HOST.fullmatch(container) is None or port == 0:
        raise InvalidArgument(f"{shown(text)}: {scheme}:// is followed by the name of a host, with a port or without")
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    return Address(
        scheme,
        container if port is None else f"{container}:{port}",
        f"{path}?{query}" if query else path,
        urllib.parse.unquote(parts.netloc.rpartition("@")[0]),
    )


def _ascii_host(host: str, text: str) -> str:
    try:
        return host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        raise InvalidArgument(f"{shown(text)}: the name of the host is none") from None


def shown(text: str) -> str:
    """An address as it may be shown, whether it can be read or not: without user, password, query and fragment."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return repr(text)[1:-1]
    scheme, rest = match[1].lower(), match[2]
    if scheme not in STORES:
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
        host, slash, path = rest.partition("/")
        rest = host.rpartition("@")[2] + slash + path
    return repr(f"{scheme}://{rest}")[1:-1]
