"""Errors as pages, for those who look with a browser."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.responses import Response

from bentoml.yatai.server.call import Call
from bentoml.yatai.server.roles import Principal, Role, Scope
from bentoml.yatai.server.web.site import go_to, here_with_query, is_fragment, page

if TYPE_CHECKING:
    from starlette.requests import Request

    from bentoml.yatai.server.core import Core
    from bentoml.yatai.server.routes import Route

_TITLES = {
    400: "That cannot be done",
    403: "Not allowed",
    404: "Not found",
    405: "That cannot be done",
    409: "That cannot be done now",
    429: "Too often",
    503: "Not now",
}
_NOBODY = Principal("", (Scope(Role.READ),))


def wants_page(request: Request) -> bool:
    """Whether a browser asks, which shows what it gets to somebody."""
    return "text/html" in request.headers.get("accept", "")


def problem_page(core: Core, route: Route, request: Request, status: int, text: str, request_id: str) -> Response:
    """A page that says what went wrong; the way to the login where that is what lacks.

    Args:
        core: what all requests share.
        route: a row of the table of pages.
        request: what was asked.
        status: HTTP status of the error.
        text: what happened and what to do.
        request_id: that of the log.
    """
    call = Call(core, route, request, _NOBODY)
    if status == 401:
        looks = request.method in {"GET", "HEAD"} and not is_fragment(call)
        return go_to(call, "/login", back=here_with_query(call) if looks else None)
    if is_fragment(call):
        return Response(f'<p class="flash bad" role="alert">{escape(text)}</p>', status, media_type="text/html")
    title = _TITLES.get(status, "Something went wrong")
    return page(call, "problem.html", "", status=status, title=title, text=text, request_id=request_id)
