"""The pages, as rows of the table of routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from bentoml._http.security_headers import DATA_HEADERS
from bentoml.exceptions import NotFound
from bentoml.yatai.server.roles import Role
from bentoml.yatai.server.routes import FORM, HTML, About, Query, Route
from bentoml.yatai.server.web import bundle_pages, deployment_pages, people_pages, repository_pages
from bentoml.yatai.server.web.assets import assets

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bentoml.yatai.server.call import Call

_FOREVER = "public, max-age=31536000, immutable"
_PAGE = Query("page", "Number of the page.", kind=int, default=1, least=1, most=1_000_000)
_BUNDLE = "/repository/{name}/{version}"
_DEPLOYMENT = "/deployments/{namespace}/{deployment}"
_DEPLOYMENTS = (
    Query("q", "Words to look for.", default="", most=200),
    Query("labels", "Label query.", default="", most=4000),
    Query("state", "State of the deployments.", default="", choices=("", *deployment_pages.STATES)),
    Query("platform", "Kind of platform.", default="", choices=("", *deployment_pages.OPERATORS)),
    Query("order", "Order of the list.", default="newest", choices=tuple(deployment_pages.ORDERS)),
    Query("forgotten", "Whose record has just been deleted.", default="", most=600),
    _PAGE,
)


def asset(call: Call) -> Response:
    """A file of the pages."""
    found = assets().get(call.path("path"))
    if found is None:
        raise NotFound("There is no such file")
    is_exact = call.query["v"] == found.digest
    headers = {
        **DATA_HEADERS,
        "cache-control": _FOREVER if is_exact else "no-cache",
        "content-type": found.content_type,
    }
    return Response(found.body, headers=headers)


def _read(
    path: str,
    operation: str,
    handler: Callable[[Any], Any],
    *query: Query,
    role: Role | None = Role.READ,
    about: About = About.HANDLER,
) -> Route:
    summary = (handler.__doc__ or "").partition("\n")[0]
    return Route("GET", path, f"page_{operation}", summary, handler, role, about, query=query, answer=HTML)


def _change(
    path: str,
    operation: str,
    handler: Callable[[Any], Any],
    *,
    role: Role | None = Role.WRITE,
    about: About = About.NAME,
) -> Route:
    summary = (handler.__doc__ or "").partition("\n")[0]
    return Route("POST", path, f"page_{operation}", summary, handler, role, about, body=FORM, answer=HTML)


_NAME = About.NAME
ROUTES = (
    _read("/", "home", repository_pages.home),
    _read(
        "/repository",
        "repository",
        repository_pages.repository,
        Query("q", "Words to look for.", default="", most=200),
        Query("labels", "Label query.", default="", most=4000),
        Query("order", "Order of the list.", default="newest", choices=tuple(repository_pages.ORDERS)),
        Query("deleted", "What has just been deleted.", default="", most=600),
        _PAGE,
    ),
    _read("/repository/{name}", "service", repository_pages.service, _PAGE, about=_NAME),
    _read(
        "/compare/{name}",
        "compare",
        repository_pages.compare,
        Query("left", "One version.", most=255, is_required=True),
        Query("right", "The other.", most=255, is_required=True),
        about=_NAME,
    ),
    _read(_BUNDLE, "bundle", bundle_pages.overview, about=_NAME),
    _read(f"{_BUNDLE}/environment", "environment", bundle_pages.environment, about=_NAME),
    _read(f"{_BUNDLE}/files", "files", bundle_pages.files, about=_NAME),
    _read(f"{_BUNDLE}/files/{{path:path}}", "file", bundle_pages.files, about=_NAME),
    Route(
        "GET",
        f"{_BUNDLE}/delete",
        "page_ask_before_deletion",
        "Ask whether a bundle shall be deleted.",
        bundle_pages.ask_before_deletion,
        Role.WRITE,
        _NAME,
        answer=HTML,
    ),
    _change(f"{_BUNDLE}/delete", "delete", bundle_pages.delete),
    _change(f"{_BUNDLE}/labels", "set_label", bundle_pages.set_label),
    _change(f"{_BUNDLE}/labels/remove", "remove_label", bundle_pages.remove_label),
    _change(f"{_BUNDLE}/aliases", "set_alias", bundle_pages.set_alias),
    _change(f"{_BUNDLE}/aliases/remove", "remove_alias", bundle_pages.remove_alias),
    _read("/deployments", "deployments", deployment_pages.deployments, *_DEPLOYMENTS),
    _read("/deployments/{namespace}", "deployments_of_namespace", deployment_pages.deployments, *_DEPLOYMENTS),
    _read(
        _DEPLOYMENT,
        "deployment",
        deployment_pages.deployment,
        Query("before", "Only events before this one.", kind=int, most=(1 << 31) - 1),
    ),
    _read(
        f"{_DEPLOYMENT}/delete",
        "ask_before_forgetting",
        deployment_pages.ask_before_forgetting,
        role=Role.WRITE,
    ),
    _change(f"{_DEPLOYMENT}/delete", "forget_deployment", deployment_pages.forget_deployment, about=About.HANDLER),
    _read(
        "/audit",
        "audit",
        people_pages.audit,
        Query("before", "Only changes before this one.", kind=int, most=(1 << 31) - 1),
        role=Role.ADMIN,
        about=About.WHOLE,
    ),
    _read("/access", "access", people_pages.access),
    _change("/access/tokens", "make_token", people_pages.make_token, role=Role.READ, about=About.HANDLER),
    _change(
        "/access/tokens/{token}/revoke", "revoke_token", people_pages.revoke_token, role=Role.READ, about=About.HANDLER
    ),
    _change(
        "/access/users/{user}/disable", "disable_user", people_pages.disable_user, role=Role.ADMIN, about=About.WHOLE
    ),
    _change("/access/users/{user}/enable", "enable_user", people_pages.enable_user, role=Role.ADMIN, about=About.WHOLE),
    _read(
        "/login",
        "login_form",
        people_pages.login_form,
        Query("back", "Page to go to afterwards.", default="/", most=2000),
        role=None,
        about=About.NOTHING,
    ),
    _change("/login", "login", people_pages.login, role=None, about=About.NOTHING),
    _change("/logout", "logout", people_pages.logout, role=Role.READ, about=About.HANDLER),
    _change("/theme", "theme", people_pages.choose_theme, role=None, about=About.NOTHING),
    Route(
        "GET",
        "/static/{path:path}",
        "page_asset",
        "Give a file of the pages.",
        asset,
        None,
        About.NOTHING,
        query=(Query("v", "Digest of the content.", default="", most=64),),
    ),
)
