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
    created_by: str
    aliases: list[str]
    size_bytes: int | None
    tree_digest: str | None
    deleted_at: datetime | None
    deleted_by: str


class BundlePage(Struct):
    """Some bundles, and where the next ones begin: null at the end. `total` is null unless it was asked for."""

    bundles: list[Bundle]
    next_offset: int | None
    total: int | None


class Tag(Struct):
    """Name and version of a bundle."""

    name: str
    version: str


class Tags(Struct):
    """Tags, in the order that was asked for."""

    tags: list[Tag]


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


class NewUpload(Taken):
    """A bundle to be uploaded; without labels those of its manifest count."""

    name: Name
    version: Name
    tree: dict[str, Any]
    labels: dict[LabelText, LabelText] | None = None


class MissingContent(Struct):
    """A content that is not whole: `offset` bytes of it have come."""

    digest: Digest
    size_bytes: Size
    offset: Size


class UploadState(Struct):
    """An upload; or, without an id, the bundle that has these files already."""

    id: str | None
    expires_at: datetime | None
    missing: list[MissingContent]
    bundle: Bundle | None


class NewLabels(Taken):
    """All labels that a bundle is to have."""

    labels: dict[LabelText, LabelText]


class LabelChange(Taken):
    """Labels to be set, and keys of labels to be removed."""

    set: dict[LabelText, LabelText] = field(default_factory=dict)
    remove: list[LabelText] = field(default_factory=list)


class AliasTarget(Taken):
    """The version that an alias is to stand for."""

    version: Name


class Alias(Struct):
    """A name for one version of a bundle."""

    name: str
    alias: str
    version: str
    updated_at: datetime
    updated_by: str


class Aliases(Struct):
    """The aliases of a name."""

    aliases: list[Alias]


class AliasChange(Struct):
    """What an alias stood for from some time on; null from when it was removed."""

    name: str
    alias: str
    version: str | None
    changed_at: datetime
    changed_by: str


class AliasHistory(Struct):
    """What aliases stood for, newest first."""

    changes: list[AliasChange]


class ClassicTarget(Taken):
    """Which bundle."""

    bento_name: Name
    bento_version: Name


class ClassicStatus(Struct):
    """Outcome of an operation: a code, and what went wrong unless it is OK."""

    status_code: str
    error_message: str


class ClassicAnswer(Struct, omit_defaults=True):
    """Answer of an operation of the classic interface; only what belongs to it is there."""

    status: ClassicStatus
    version: str | None = None
    uri: dict[str, Any] | None = None
    bento: dict[str, Any] | None = None
    bentos: list[dict[str, Any]] | None = None
