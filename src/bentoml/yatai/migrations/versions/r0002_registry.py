"""What a registry for a team needs: contents by digest, aliases, soft deletion, audit, users, deployments."""

from __future__ import annotations

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Add columns to bundles, and the new tables."""
    _extend_bentos()
    _create_texts()
    _create_contents()
    _create_aliases()
    _create_audit()
    _create_users()
    _create_deployments()


def _extend_bentos() -> None:
    for column in (
        sa.Column("tree_digest", sa.String(71), nullable=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=True),
        sa.Column("created_by", sa.String(255), nullable=False, server_default=sa.text("''")),
        sa.Column("deleted_at", sa.DateTime, nullable=True),
        sa.Column("deleted_by", sa.String(255), nullable=False, server_default=sa.text("''")),
        sa.Column("purged", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("bentos", column)
    # The version that deleted them removed their files too.
    op.execute(sa.text("UPDATE bentos SET purged = deleted"))
    op.create_index("ix_bentos_deleted", "bentos", ["deleted", "purged", "deleted_at"])
    op.create_index("ix_bentos_tree_digest", "bentos", ["tree_digest"])
    op.create_index(
        "ix_bentos_listing_by_name_newest",
        "bentos",
        ["deleted", "upload_status", "name", sa.text("created_at DESC"), sa.text("id DESC")],
    )


def _create_texts() -> None:
    op.create_table(
        "bento_texts",
        sa.Column("bento_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("bento_id", name="pk_bento_texts"),
    )
    connection = op.get_bind()
    lines: dict[int, list[str]] = defaultdict(list)
    for bento_id, name, version in connection.execute(sa.text("SELECT id, name, version FROM bentos")):
        lines[bento_id].append(f"{name}:{version}".lower())
    labels = sa.text("SELECT resource_id, key, value FROM labels WHERE resource_type = 'bento' ORDER BY key")
    for bento_id, key, value in connection.execute(labels):
        lines[bento_id].append(f"{key}={value}".lower())
    insertion = sa.text("INSERT INTO bento_texts (bento_id, text) VALUES (:bento_id, :text)")
    rows = [{"bento_id": bento_id, "text": "\n".join(texts)} for bento_id, texts in lines.items()]
    if rows:
        connection.execute(insertion, rows)


def _create_contents() -> None:
    op.create_table(
        "trees",
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_trees"),
    )
    op.create_table(
        "blobs",
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_blobs"),
        sa.UniqueConstraint("key", name="uq_blobs_key"),
    )
    op.create_index("ix_blobs_created_at", "blobs", ["created_at"])
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("version", sa.String(255), nullable=False),
        sa.Column("tree_digest", sa.String(71), nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_index("ix_uploads_tag", "uploads", ["name", "version", "tree_digest"])
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"])


def _create_aliases() -> None:
    op.create_table(
        "aliases",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("alias", sa.String(63), nullable=False),
        sa.Column("bento_id", sa.Integer, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.Column("updated_by", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_aliases"),
        sa.UniqueConstraint("name", "alias", name="uq_aliases_name_alias"),
    )
    op.create_index("ix_aliases_bento_id", "aliases", ["bento_id"])
    op.create_table(
        "alias_history",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("alias", sa.String(63), nullable=False),
        sa.Column("version", sa.String(255), nullable=True),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.Column("changed_by", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alias_history"),
    )
    op.create_index("ix_alias_history_name_alias", "alias_history", ["name", "alias", "id"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("resource_type", sa.String(32), nullable=False),
        sa.Column("resource", sa.String(511), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at", "id"])
    op.create_index("ix_audit_resource", "audit", ["resource_type", "resource", "id"])


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("patterns", sa.JSON, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=True),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("patterns", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("last_used_at", sa.DateTime, nullable=True),
        sa.Column("expires_at", sa.DateTime, nullable=True),
        sa.Column("revoked_at", sa.DateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
    )
    op.create_index("ix_tokens_user_id", "tokens", ["user_id"])
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])


def _create_deployments() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("namespace", sa.String(255), nullable=False),
        sa.Column("operator", sa.String(32), nullable=False),
        sa.Column("bento_name", sa.String(255), nullable=False),
        sa.Column("bento_version", sa.String(255), nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("state", sa.JSON, nullable=False),
        sa.Column("annotations", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("last_updated_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deployments"),
        sa.UniqueConstraint("namespace", "name", name="uq_deployments_namespace_name"),
    )
    op.create_index("ix_deployments_bento", "deployments", ["bento_name", "bento_version"])
