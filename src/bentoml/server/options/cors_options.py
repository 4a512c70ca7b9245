"""Which pages of other origins may read this server's answers: the values of `bento_server.cors`, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bentoml.configuration.schema import Cors as CorsSection

ANY = "*"
# What sandboxed frames and files call their origin.
NULL = "null"
_KEY = "bento_server.cors.access_control_"
_METHODS = ("GET", "HEAD", "POST")
# Those that this server reads, or a proxy in front of it.
_HEADERS = (
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Traceparent",
    "Tracestate",
    "X-Api-Key",
    "X-Request-Id",
    "X-Request-Timeout-Ms",
)
_EXPOSED = ("Retry-After", "X-Request-Id")
# As browsers write it: lower case, no path, and no port that is the scheme's own.
_is_origin = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?").fullmatch
_has_own_port = re.compile(r"http://.*:80|https://.*:443").fullmatch
_is_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch


@dataclass(frozen=True)
class CorsOptions:
    """Cross-origin requests that are allowed.

    Attributes:
        origins: whose pages may read answers, such as `https://app.example.com`; `*` alone is all of them.
        credentials: whether browsers may send cookies and the like along.
        methods: HTTP methods; `*` alone is all of them.
        headers: request headers; `*` alone is all of them.
        exposed: response headers that a page may read beyond the ordinary ones; `*` alone is all of them.
        max_age_s: how long a browser may keep what a preflight said, -1 not at all; None leaves it to the browser.

    Raises:
        InvalidArgument: a value cannot be what a browser would understand, or lets everybody in with credentials.
    """

    origins: tuple[str, ...]
    credentials: bool = False
    methods: tuple[str, ...] = _METHODS
    headers: tuple[str, ...] = _HEADERS
    exposed: tuple[str, ...] = _EXPOSED
    max_age_s: int | None = None

    def __post_init__(self) -> None:
        if not self.origins:
            raise InvalidArgument(
                f"bento_server.cors is enabled, but no origin is allowed; name some in {_KEY}allow_origin, such as "
                "https://app.example.com, or * for all"
            )
        for key, values in (
            ("allow_origin", self.origins),
            ("allow_methods", self.methods),
            ("allow_headers", self.headers),
            ("expose_headers", self.exposed),
        ):
            if ANY in values and len(values) > 1:
                raise InvalidArgument(f"{_KEY}{key}: * stands alone, it already means all")
            if key != "allow_origin":
                _check_names(key, values)
        for origin in self.origins:
            _check_origin(origin)
        if not isinstance(self.credentials, bool):
            raise InvalidArgument(f"{_KEY}allow_credentials must be true or false, not {self.credentials!r}")
        if self.credentials:
            self._check_credentials()
        age_s: Any = self.max_age_s
        if age_s is not None and (isinstance(age_s, bool) or not isinstance(age_s, int) or age_s < -1):
            raise InvalidArgument(
                f"{_KEY}max_age must be a whole number of seconds, or -1 for no time at all, not {age_s!r}"
            )

    def _check_credentials(self) -> None:
        if ANY in self.origins:
            raise InvalidArgument(
                f"{_KEY}allow_origin is * and {_KEY}allow_credentials is true; browsers refuse that, and any page "
                "could act for your users; list the origins that may, or leave credentials out"
            )
        if NULL in self.origins:
            raise InvalidArgument(
                f"{_KEY}allow_origin has null, which any page can make itself, and {_KEY}allow_credentials is true; "
                "leave one of them out"
            )
        if ANY in self.exposed:
            raise InvalidArgument(f"{_KEY}expose_headers: browsers know no * with credentials; list the headers")

    @classmethod
    def from_config(cls, section: CorsSection) -> CorsOptions | None:
        """What the configuration says; None when cross-origin requests are not enabled.

        Raises:
            InvalidArgument: see the class.
        """
        if not section.enabled:
            return None
        return cls(
            origins=_listed(section.access_control_allow_origin, ()),
            credentials=bool(section.access_control_allow_credentials),
            methods=tuple(name.upper() for name in _listed(section.access_control_allow_methods, _METHODS)),
            headers=_listed(section.access_control_allow_headers, _HEADERS),
            exposed=_listed(section.access_control_expose_headers, _EXPOSED),
            max_age_s=section.access_control_max_age,
        )

    @classmethod
    def from_json(cls, values: Any) -> CorsOptions | None:
        """Read what `dataclasses.asdict` and JSON made of it; None is None.

        Raises:
            InvalidArgument: it is something else.
        """
        if values is None:
            return None
        if not isinstance(values, dict) or values.keys() != {field.name for field in fields(cls)}:
            raise InvalidArgument(f"cors must be null or an object with the fields of CorsOptions, not {values!r}")
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**given)


def _listed(value: str | Iterable[str] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """The items of a comma list, or of a list of such; without doubles, in their order."""
    if value is None:
        return default
    texts = [value] if isinstance(value, str) else value
    return tuple(dict.fromkeys(item.strip() for text in texts for item in text.split(",") if item.strip()))


def _check_origin(origin: str) -> None:
    if origin in {ANY, NULL}:
        return
    if not _is_origin(origin) or _has_own_port(origin):
        raise InvalidArgument(
            f"{_KEY}allow_origin: {origin!r} is not an origin as browsers send it; write scheme, host and, unless it "
            "is the scheme's own, the port, in lower case and with nothing behind: https://app.example.com:8443"
        )


def _check_names(key: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not _is_name(name):
            raise InvalidArgument(f"{_KEY}{key}: {name!r} cannot be a name in HTTP")
