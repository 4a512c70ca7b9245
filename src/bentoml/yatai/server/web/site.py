"""What all pages have in common: the frame around them, addresses, and who looks at them."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from bentoml._http.security_headers import PAGE_HEADERS
from bentoml._version import __version__
from bentoml.yatai.server.web.assets import assets
from bentoml.yatai.server.web.templating import render

if TYPE_CHECKING:
    from starlette.requests import Request

    from bentoml.yatai.server.call import Call

THEMES = ("", "light", "dark")
THEME_COOKIE = "yatai_theme"
# What a proxy may say about the address that it is asked at: nothing that would need quotes in a shell.
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
# Forms go to this server only, and answers belong to whoever is logged in.
_HEADERS = {
    **PAGE_HEADERS,
    "content-security-policy": PAGE_HEADERS["content-security-policy"]
    .replace("form-action 'none'", "form-action 'self'")
    .replace("frame-ancestors 'self'", "frame-ancestors 'none'"),
    # Without it browsers would not say that a form comes from here.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
}


@dataclass(frozen=True)
class Viewer:
    """Who looks at a page, as far as its frame depends on it."""

    name: str
    signed_in: bool
    may_read: bool
    is_admin: bool

    @classmethod
    def of(cls, call: Call) -> Viewer:
        """The viewer of a call; before the login nobody may read."""
        principal, core = call.principal, call.core
        signed_in = principal.user_id is not None
        may_read = signed_in or not core.options.requires_login
        return cls(principal.name, signed_in, may_read, principal.is_administrator)


def url_of(call: Call, path: str, **query: object) -> str:
    """The address of a path of this server.

    Args:
        call: whose prefix it gets.
        path: with what it needs quoted.
        query: parameters; those that are None or empty are left out.
    """
    given = {key: value for key, value in query.items() if value not in (None, "")}
    return call.core.options.prefix_path + path + (f"?{urllib.parse.urlencode(given)}" if given else "")


def page(call: Call, template: str, section: str, *, status: int = 200, **values: Any) -> Response:
    """A page in its frame.

    Args:
        call: the request.
        template: file of the template.
        section: entry of the navigation that it belongs to; empty for none.
        status: HTTP status.
        values: what the template needs.
    """
    viewer = Viewer.of(call)
    frame = {
        "theme": theme_of(call),
        "user": viewer,
        "navigation": _navigation(viewer),
        "section": section,
        "here": here(call),
        "here_with_query": here_with_query(call),
        "csrf": call.principal.csrf or "",
        "flash": None,
        "library_version": __version__,
        "url": lambda path, **query: url_of(call, path, **query),
        "asset": lambda name: url_of(call, f"/static/{name}", v=assets()[name].digest),
        "first_steps": f"bentoml push IrisClassifier:latest --yatai-url {address_of(call)}",
    }
    return Response(render(template, {**frame, **values}), status, _HEADERS)


def address_of(call: Call) -> str:
    """The address that the viewer has asked for, to be shown: that of the proxy before this server, if there is one.

    A proxy says it in `X-Forwarded-Proto` and `X-Forwarded-Host`. Anybody may say anything there, and sees it himself.
    """
    request = call.request
    scheme = _first_said(request, "x-forwarded-proto").lower()
    host = _first_said(request, "x-forwarded-host") or request.headers.get("host", "")
    if scheme not in {"http", "https"}:
        scheme = request.url.scheme
    if not _HOST.fullmatch(host):
        host = request.url.netloc
    return f"{scheme}://{host}{call.core.options.prefix_path}"


def _first_said(request: Request, header: str) -> str:
    """What the first of several proxies has said."""
    return request.headers.get(header, "").partition(",")[0].strip()


def here(call: Call) -> str:
    """The path of the request, without the prefix."""
    return urllib.parse.quote(call.request.scope["path"].removeprefix(call.core.options.prefix_path), safe="/:@")


def here_with_query(call: Call) -> str:
    """The path of the request with its parameters, without the prefix."""
    query = call.request.url.query
    return f"{here(call)}?{query}" if query else here(call)


def theme_of(call: Call) -> str:
    """The colours that the viewer has chosen; empty for those of the system."""
    chosen = call.request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def local_path(text: str) -> str:
    """A path of this server out of a form; the front page for anything else, such as an address elsewhere."""
    parts = urllib.parse.urlsplit(text)
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if is_local and text.isprintable() and "\\" not in text else "/"


def go_to(call: Call, path: str, **query: object) -> Response:
    """The way to another page, after something was changed."""
    return RedirectResponse(url_of(call, path, **query), 303, {"cache-control": "no-store"})


def is_fragment(call: Call) -> bool:
    """Whether a script asks, which puts a part of the page in place of the present one."""
    return call.request.headers.get("hx-request") == "true"


def _navigation(viewer: Viewer) -> list[tuple[str, str]]:
    entries = [("Home", "/"), ("Repository", "/repository"), ("Deployments", "/deployments")]
    if viewer.is_admin:
        entries.append(("Audit", "/audit"))
    if viewer.signed_in:
        entries.append(("Access", "/access"))
    return entries
