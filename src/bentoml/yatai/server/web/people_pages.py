"""Pages about people: who they are, their tokens, what they changed, and the colours that they like."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import InvalidArgument, Unauthenticated
from bentoml.yatai.audit import AuditQuery
from bentoml.yatai.server.identity import SESSION_COOKIE
from bentoml.yatai.server.people import made_token, revoked_token
from bentoml.yatai.server.roles import Role, Scope
from bentoml.yatai.server.web.site import THEME_COOKIE, THEMES, go_to, local_path, page

if TYPE_CHECKING:
    from starlette.responses import Response

    from bentoml.yatai.server.call import Call
    from bentoml.yatai.server.credentials import Token

_A_YEAR_S = 365 * 86400
_LONGEST_TOKEN_DAYS = 3650
_AUDIT_PAGE = 50


def login_form(call: Call) -> Response:
    """Ask for name and password."""
    return page(call, "login.html", "", problem="", name="", back=local_path(call.query["back"] or "/"))


def login(call: Call) -> Response:
    """Log in whoever knows the password of a user."""
    name, back = call.form.get("name", ""), local_path(call.form.get("back", "/"))
    core = call.core
    try:
        user = core.log_in(name, call.form.get("password", ""), call.client)
    except Unauthenticated as error:
        return page(call, "login.html", "", status=403, problem=f"{error}.", name=name, back=back)
    secret, _ = core.credentials.begin_session(user, timedelta(seconds=core.options.session_s))
    answer = go_to(call, back)
    _set_cookie(call, answer, SESSION_COOKIE, secret, int(core.options.session_s))
    return answer


def logout(call: Call) -> Response:
    """End the session."""
    secret = call.request.cookies.get(SESSION_COOKIE)
    if secret is not None:
        call.core.credentials.end_session(secret)
    answer = go_to(call, "/login" if call.core.options.requires_login else "/")
    answer.delete_cookie(SESSION_COOKIE, path=call.core.options.prefix_path or "/")
    return answer


def choose_theme(call: Call) -> Response:
    """Keep the choice of colours in the browser."""
    theme = call.form.get("theme", "")
    if theme not in THEMES:
        raise InvalidArgument(f"{theme[:50]!r} are no colours of these pages")
    answer = go_to(call, local_path(call.form.get("back", "/")))
    _set_cookie(call, answer, THEME_COOKIE, theme, _A_YEAR_S)
    return answer


def access(call: Call) -> Response:
    """One's own tokens; for administrators, all of them, and the users."""
    return _access(call)


def make_token(call: Call) -> Response:
    """Make a token, and show it this once."""
    form = call.form
    patterns = tuple(part.strip() for part in form.get("patterns", "*").split(",") if part.strip())
    scope = Scope(Role.parse(form.get("role", "read")), patterns)
    secret, _ = made_token(call, form.get("label", ""), scope, _lifetime(form.get("days", "")))
    return _access(call, new_token=secret)


def revoke_token(call: Call) -> Response:
    """Make a token useless: one's own, or for an administrator anybody's."""
    revoked_token(call, call.path("token"))
    return go_to(call, "/access")


def disable_user(call: Call) -> Response:
    """Shut a user out."""
    call.core.accounts.change(call.path("user"), actor=call.principal.name, disabled=True)
    return go_to(call, "/access")


def enable_user(call: Call) -> Response:
    """Let a user in again."""
    call.core.accounts.change(call.path("user"), actor=call.principal.name, disabled=False)
    return go_to(call, "/access")


def audit(call: Call) -> Response:
    """What was changed, newest first."""
    before = call.query["before"]
    found = call.registry.list_audit(AuditQuery(before_id=before, limit=_AUDIT_PAGE + 1))
    rows = found[:_AUDIT_PAGE]
    older = rows[-1].id if len(found) > _AUDIT_PAGE else None
    return page(call, "audit.html", "Audit", rows=rows, older=older, is_first=before is None)


def _access(call: Call, new_token: str = "") -> Response:
    core = call.core
    is_administrator = call.principal.is_administrator
    tokens = core.credentials.list_tokens(None if is_administrator else call.principal.name)
    users = core.accounts.list_users() if is_administrator else []
    return page(
        call,
        "access.html",
        "Access",
        new_token=new_token,
        tokens=[_shown(token) for token in tokens],
        roles=[role.text for role in Role if role <= call.principal.role],
        users=[
            SimpleNamespace(
                name=user.name,
                role=user.scope.role.text,
                patterns=user.scope.patterns,
                created_at=user.created_at,
                disabled=user.disabled,
            )
            for user in users
        ],
    )


def _shown(token: Token) -> Any:
    values = {name: getattr(token, name) for name in ("id", "label", "hint", "user", "last_used_at", "expires_at")}
    scope = token.scope
    return SimpleNamespace(**values, revoked_at=token.revoked_at, role=scope.role.text, patterns=scope.patterns)


def _lifetime(text: str) -> timedelta | None:
    if not text.strip():
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) <= _LONGEST_TOKEN_DAYS):
        raise InvalidArgument(f"a token is good for 1 to {_LONGEST_TOKEN_DAYS} days, or for ever")
    return timedelta(days=int(text))


def _set_cookie(call: Call, answer: Response, name: str, value: str, max_age_s: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=max_age_s,
        path=call.core.options.prefix_path or "/",
        secure=call.request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
