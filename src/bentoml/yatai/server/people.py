"""Users and tokens over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument
from bentoml.yatai.server import messages
from bentoml.yatai.server.roles import EVERY_NAME, Role, Scope
from bentoml.yatai.server.routes import About, Query, Route

if TYPE_CHECKING:
    from bentoml.yatai.server.accounts import User
    from bentoml.yatai.server.call import Call
    from bentoml.yatai.server.credentials import Token

_MAX_ID = (1 << 31) - 1


def log_in(call: Call) -> messages.MadeToken:
    """Make a token for whoever knows the password of a user."""
    given: messages.Credentials = call.body
    user = call.core.log_in(given.user, given.password, call.client)
    secret, token = call.core.credentials.add_token(
        user, given.label, user.scope, actor=user.name, lifetime=_lifetime(given.expires_in_s)
    )
    return messages.MadeToken(secret, _token(token))


def who_am_i(call: Call) -> messages.Identity:
    """Say who asks."""
    principal = call.principal
    groups = principal.pattern_groups
    # Of two groups a name has to match both; the narrower one is what people want to know.
    patterns = list(groups[-1]) if groups else ["*"]
    return messages.Identity(principal.name, principal.role.text, patterns)  # type: ignore[arg-type]


def list_users(call: Call) -> messages.Users:
    """All users."""
    return messages.Users([_user(user) for user in call.core.accounts.list_users()])


def add_user(call: Call) -> messages.User:
    """Make a user."""
    given: messages.NewUser = call.body
    scope = Scope(Role.parse(given.role), tuple(given.patterns))
    return _user(call.core.accounts.add(given.name, scope, given.password, actor=call.principal.name))


def change_user(call: Call) -> messages.User:
    """Change a user."""
    given: messages.UserChange = call.body
    changed = call.core.accounts.change(
        call.path("user"),
        actor=call.principal.name,
        role=None if given.role is None else Role.parse(given.role),
        patterns=given.patterns,
        password=given.password,
        disabled=given.disabled,
    )
    return _user(changed)


def remove_user(call: Call) -> None:
    """Remove a user."""
    call.core.accounts.remove(call.path("user"), actor=call.principal.name)


def list_tokens(call: Call) -> messages.Tokens:
    """One's own tokens; those of others for administrators."""
    user = call.query["user"]
    if user != call.principal.name and not call.principal.is_administrator:
        user = call.principal.name if user is None else _refuse_others(call)
    return messages.Tokens([_token(token) for token in call.core.credentials.list_tokens(user)])


def add_token(call: Call) -> messages.MadeToken:
    """Make a token: never one that may do more, or lives longer, than the one that asks for it."""
    given: messages.NewToken = call.body
    scope = Scope(Role.parse(given.role), tuple(given.patterns))
    secret, token = made_token(call, given.label, scope, _lifetime(given.expires_in_s), owner=given.user)
    return messages.MadeToken(secret, _token(token))


def made_token(
    call: Call, label: str, scope: Scope, lifetime: timedelta | None, *, owner: str | None = None
) -> tuple[str, Token]:
    """A token that may do no more than whoever asks for it, and lives no longer than the token that asks.

    Args:
        call: the request.
        label: what to call it.
        scope: what it is to be allowed; all names stand for those of the caller.
        lifetime: None for as long as the token that asks.
        owner: whose it is; None for the caller's own.

    Returns:
        The token, which nobody can find out again, and what is kept of it.

    Raises:
        InvalidArgument: a pattern is not among those of the caller; or nobody has to log in, and no owner is named.
        PermissionDenied: it is for somebody else, and the caller is no administrator.
        NotFound: there is no such user.
    """
    principal = call.principal
    if owner is not None and owner != principal.name:
        principal.require(Role.ADMIN)
    if principal.user_id is None and owner is None:
        raise InvalidArgument("nobody has to log in here; say whose the token is to be, with user")
    patterns = scope.patterns
    if not principal.covers_all:
        own = principal.pattern_groups[-1]
        patterns = own if patterns == EVERY_NAME else patterns
        for pattern in patterns:
            if pattern not in own:
                raise InvalidArgument(f"the pattern {pattern} is not among yours; use some of those that GET /me lists")
    return call.core.credentials.add_token(
        call.core.accounts.find(principal.name if owner is None else owner),
        label,
        Scope(min(scope.role, principal.role), patterns),
        actor=principal.name,
        lifetime=lifetime,
        no_later_than=principal.expires_at,
    )


def revoke_token(call: Call) -> messages.Token:
    """Make a token useless."""
    return _token(revoked_token(call, call.path("id")))


def revoked_token(call: Call, number: str) -> Token:
    """Make a token useless: one's own, or for an administrator anybody's.

    Raises:
        InvalidArgument: `number` is none.
        NotFound: there is no such token.
    """
    if not (number.isascii() and number.isdigit() and len(number) <= 10 and int(number) <= _MAX_ID):
        raise InvalidArgument("the id of a token is a number")
    user = None if call.principal.is_administrator else call.principal.name
    return call.core.credentials.revoke_token(int(number), actor=call.principal.name, user=user)


def _refuse_others(call: Call) -> str:
    call.principal.require(Role.ADMIN)
    raise InvalidArgument("tokens of others are shown to administrators of the whole registry")


def _lifetime(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _user(user: User) -> messages.User:
    scope = user.scope
    return messages.User(
        name=user.name,
        role=scope.role.text,  # type: ignore[arg-type]
        patterns=list(scope.patterns),
        has_password=user.has_password,
        disabled=user.disabled,
        created_at=user.created_at,
    )


def _token(token: Token) -> messages.Token:
    return messages.Token(
        id=token.id,
        user=token.user,
        label=token.label,
        hint=token.hint,
        role=token.scope.role.text,  # type: ignore[arg-type]
        patterns=list(token.scope.patterns),
        created_at=token.created_at,
        last_used_at=token.last_used_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


_USERS = "/api/v1/users"
_TOKENS = "/api/v1/tokens"
_OF_USER = Query("user", "Name of the owner; all owners without it, for administrators.", most=100)

ROUTES = (
    Route(
        "POST",
        "/api/v1/login",
        "log_in",
        "Make a token for a user and a password.",
        log_in,
        None,
        About.NOTHING,
        body=messages.Credentials,
        answer=messages.MadeToken,
        status=201,
        errors=(401, 429),
    ),
    Route("GET", "/api/v1/me", "who_am_i", "Say who asks.", who_am_i, Role.READ, answer=messages.Identity),
    Route("GET", _USERS, "list_users", "List all users.", list_users, Role.ADMIN, About.WHOLE, answer=messages.Users),
    Route(
        "POST",
        _USERS,
        "add_user",
        "Make a user.",
        add_user,
        Role.ADMIN,
        About.WHOLE,
        body=messages.NewUser,
        answer=messages.User,
        status=201,
        errors=(409,),
    ),
    Route(
        "PATCH",
        f"{_USERS}/{{user}}",
        "change_user",
        "Change a user.",
        change_user,
        Role.ADMIN,
        About.WHOLE,
        body=messages.UserChange,
        answer=messages.User,
        errors=(404, 409),
    ),
    Route(
        "DELETE",
        f"{_USERS}/{{user}}",
        "remove_user",
        "Remove a user, with all tokens.",
        remove_user,
        Role.ADMIN,
        About.WHOLE,
        status=204,
        errors=(404, 409),
    ),
    Route(
        "GET",
        _TOKENS,
        "list_tokens",
        "List tokens.",
        list_tokens,
        Role.READ,
        query=(_OF_USER,),
        answer=messages.Tokens,
    ),
    Route(
        "POST",
        _TOKENS,
        "add_token",
        "Make a token.",
        add_token,
        Role.READ,
        body=messages.NewToken,
        answer=messages.MadeToken,
        status=201,
        errors=(404,),
    ),
    Route(
        "DELETE",
        f"{_TOKENS}/{{id}}",
        "revoke_token",
        "Make a token useless.",
        revoke_token,
        Role.READ,
        answer=messages.Token,
        errors=(404,),
    ),
)
