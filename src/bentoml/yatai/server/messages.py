"""What the JSON interface takes and gives. Names are in snake_case, times in ISO 8601 with their zone."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
Size = Annotated[int, Meta(ge=0)]
LabelText = Annotated[str, Meta(max_length=63)]
Patterns = Annotated[list[Annotated[str, Meta(min_length=1, max_length=255)]], Meta(min_length=1, max_length=100)]
RoleName = Literal["read", "write", "admin"]


class Taken(Struct, forbid_unknown_fields=True):
    """Base of what clients send: an unknown field is an error, most likely in its spelling."""


class Health(Struct):
    """That all is well."""

    status: Literal["ok"]


class Version(Struct):
    """What runs: the version of the library, and of the interface."""

    version: str
    api: int


class ErrorDetail(Struct):
    """What went wrong; the log says more under the request id."""

    code: str
    message: str
    request_id: str


class Error(Struct):
    """Every error of the interface."""

    error: ErrorDetail


class Place(Struct):
    """Where the files of a bundle are."""

    type: str
    uri: str


class Bundle(Struct):
    """One bundle; `metadata` is what `bentoml get -o json` shows, in camelCase."""

    name: str
    version: str
    uri: Place
    metadata: dict[str, Any]
    labels: dict[str, str]
    status: dict[str, Any]
    created_at: datetime | None


class BundlePage(Struct):
    """Some bundles, and where the next ones begin; `next_offset` is null at the end."""

    bundles: list[Bundle]
    next_offset: int | None


class Credentials(Taken):
    """A login; a token is made under the label."""

    user: Annotated[str, Meta(min_length=1, max_length=100)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]
    label: Annotated[str, Meta(max_length=100)] = "login"
    expires_in_s: Annotated[int, Meta(ge=60, le=10 * 365 * 86400)] | None = None


class Identity(Struct):
    """Who asks: the least of what the user and the token may do."""

    user: str
    role: RoleName
    patterns: list[str]


class User(Struct):
    """One user."""

    name: str
    role: RoleName
    patterns: list[str]
    has_password: bool
    disabled: bool
    created_at: datetime


class Users(Struct):
    """All users."""

    users: list[User]


class NewUser(Taken):
    """A user to be made; without a password only tokens work."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99}$")]
    role: RoleName
    patterns: Patterns = field(default_factory=lambda: ["*"])
    password: Annotated[str, Meta(min_length=10, max_length=1024)] | None = None


class UserChange(Taken):
    """What is to be changed of a user; null leaves it."""

    role: RoleName | None = None
    patterns: Patterns | None = None
    password: Annotated[str, Meta(min_length=10, max_length=1024)] | None = None
    disabled: bool | None = None


class Token(Struct):
    """One token, without its secret."""

    id: int
    user: str
    label: str
    hint: str
    role: RoleName
    patterns: list[str]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class Tokens(Struct):
    """Tokens, newest first."""

    tokens: list[Token]


class NewToken(Taken):
    """A token to be made; its role and patterns only lessen those of its user. Others' tokens take an administrator."""

    label: Annotated[str, Meta(min_length=1, max_length=100)]
    role: RoleName = "read"
    patterns: Patterns = field(default_factory=lambda: ["*"])
    user: str | None = None
    expires_in_s: Annotated[int, Meta(ge=60, le=10 * 365 * 86400)] | None = None


class MadeToken(Struct):
    """A new token; `secret` is shown this once."""

    secret: str
    token: Token


class AuditEntry(Struct):
    """One change of the registry."""

    id: int
    at: datetime
    actor: str
    action: str
    resource_type: str
    resource: str
    detail: Any


class AuditPage(Struct):
    """Changes, newest first; `next_before` is what `before` is to be for the next ones, null at the end."""

    entries: list[AuditEntry]
    next_before: int | None
