"""Who may do what, and who has done what."""

from __future__ import annotations

import sqlalchemy as sa

from bentoml.yatai.schema.columns import ACTOR_LENGTH, NAME_LENGTH, UtcDateTime, metadata

# One row for each change of the catalog, written by the transaction that makes the change.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor", sa.String(ACTOR_LENGTH), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("resource_type", sa.String(32), nullable=False),
    sa.Column("resource", sa.String(2 * NAME_LENGTH + 1), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Index("ix_audit_at", "at", "id"),
    sa.Index("ix_audit_resource", "resource_type", "resource", "id"),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(ACTOR_LENGTH), nullable=False, unique=True),
    sa.Column("role", sa.String(16), nullable=False),  # read, write or admin
    sa.Column("patterns", sa.JSON, nullable=False),  # glob patterns of the names of bundles
    sa.Column("password_hash", sa.Text),  # NULL: no password, tokens only
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Integer, nullable=False, index=True),
    sa.Column("label", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),  # SHA-256 of the token, in hexadecimal digits
    sa.Column("hint", sa.String(16), nullable=False),  # the part of the token that may be shown
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("patterns", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
)

# Browsers that are logged in.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),  # SHA-256 of the cookie, in hexadecimal digits
    sa.Column("user_id", sa.Integer, nullable=False, index=True),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)
