"""Who asks: from the headers of a request to a `Principal`.

A token comes as `Authorization: Bearer`, or under the name `access_token` that classic clients send it by. A browser
that is logged in has a cookie; what it changes must bring along the secret of its session, which no other site knows.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import TYPE_CHECKING

from bentoml.exceptions import Unauthenticated
from bentoml.yatai.server.errors import RequestRefused
from bentoml.yatai.server.roles import ANYBODY, PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

    from bentoml.yatai.server.credentials import Credentials
    from bentoml.yatai.server.roles import Principal

SESSION_COOKIE = "yatai_session"
CSRF_HEADER = "x-csrf-token"
TOKEN_HEADERS = ("access_token", "x-api-key")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CHALLENGE = {"www-authenticate": 'Bearer realm="yatai"'}


def token_of(request: Request) -> str | None:
    """The token that a request brings, or None."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    for header in TOKEN_HEADERS:
        if header in request.headers:
            return request.headers[header].strip()
    return None


def identify(
    request: Request, credentials: Credentials, *, requires_login: bool, form_secret: str | None = None
) -> Principal:
    """Who sends a request.

    Args:
        request: the headers of it are looked at.
        credentials: what proves who somebody is.
        requires_login: whether everybody has to say who they are.
        form_secret: the secret of the session as a form brings it, in place of a header.

    Raises:
        Unauthenticated: nobody says so who has to, or what is said is not true.
        PermissionDenied: a browser changes something without the secret of its session.
    """
    token = token_of(request)
    if token is not None:
        return credentials.of_token(token)
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie is not None:
        try:
            return _of_browser(request, credentials, cookie, form_secret)
        except Unauthenticated:
            # Cookies know no ports: this one may be of another server on the same machine.
            if requires_login:
                raise
    if requires_login:
        raise Unauthenticated("Say who you are: send a token as Authorization: Bearer TOKEN")
    return ANYBODY


def _of_browser(request: Request, credentials: Credentials, cookie: str, form_secret: str | None) -> Principal:
    principal = credentials.of_session(cookie)
    sent = request.headers.get(CSRF_HEADER, form_secret or "")
    if request.method not in SAFE_METHODS and not hmac.compare_digest(sent.encode(), (principal.csrf or "").encode()):
        raise PermissionDenied("The secret of the session is missing; load the page again")
    return principal


def check_host(request: Request, allowed: Collection[str]) -> None:
    """Refuse a request that reached us under a name that is not ours, as from a page whose name was pointed to us.

    An address cannot be pointed elsewhere, so any is taken.

    Args:
        request: to look at.
        allowed: names besides those of this machine, in small letters.

    Raises:
        RequestRefused: the name is another one.
    """
    hosts = request.headers.getlist("host")
    name = host_name(hosts[0]) if len(hosts) == 1 else ""
    if name == "localhost" or _is_address(name) or (name and name in allowed):
        return
    raise RequestRefused(
        421, "This registry answers to names of this machine only; add others to yatai.server.allowed_hosts"
    )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def host_name(host: str) -> str:
    """The name in a `Host`, without the port, in small letters."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.lower()


def check_origin(request: Request) -> None:
    """Refuse changes that a browser sends for a page of another site.

    Raises:
        PermissionDenied: it is one.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise PermissionDenied("Pages of other sites may not change anything here")
    origin = request.headers.get("origin")
    if origin is None:
        return
    expected = {f"{scheme}://{request.headers.get('host', '').lower()}" for scheme in ("http", "https")}
    if origin.lower() not in expected:
        raise PermissionDenied("Pages of other sites may not change anything here")
