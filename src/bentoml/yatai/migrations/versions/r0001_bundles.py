"""Bundles, their labels, and locks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

# What is sorted by name comes in the same order from every database.
_BY_CODE_POINT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the first tables."""
    _create_bentos()
    _create_labels()
    _create_locks()


def _create_bentos() -> None:
    op.create_table(
        "bentos",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("name", _BY_CODE_POINT, nullable=False),
        sa.Column("version", _BY_CODE_POINT, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("uri_type", sa.String(32), nullable=False),
        sa.Column("bento_service_metadata", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("upload_status", sa.String(32), nullable=False),
        sa.Column("status_updated_at", sa.DateTime, nullable=False),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("upload_expires_at", sa.DateTime, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("released", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bentos"),
        sa.UniqueConstraint("uid", name="uq_bentos_uid"),
    )
    op.create_index("ix_bentos_listing", "bentos", ["deleted", "upload_status", "created_at", "id"])
    op.create_index("ix_bentos_listing_by_name", "bentos", ["deleted", "upload_status", "name", "created_at", "id"])
    op.create_index("ix_bentos_unreleased", "bentos", ["deleted", "released"])
    op.create_index(
        "uq_bentos_live_tag",
        "bentos",
        ["name", "version"],
        unique=True,
        sqlite_where=sa.text("deleted = 0"),
        postgresql_where=sa.text("NOT deleted"),
    )


def _create_labels() -> None:
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("resource_type", sa.String(32), nullable=False),
        sa.Column("resource_id", sa.Integer, nullable=False),
        sa.Column("key", sa.String(63), nullable=False),
        sa.Column("value", sa.String(63), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        sa.UniqueConstraint("resource_type", "resource_id", "key", name="uq_labels_resource_type_resource_id_key"),
    )
    op.create_index("ix_labels_lookup", "labels", ["resource_type", "key", "value", "resource_id"])


def _create_locks() -> None:
    op.create_table(
        "locks",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("resource_id", sa.String(511), nullable=False),
        sa.Column("lock_status", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("ttl", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_locks"),
    )
    op.create_index("ix_locks_resource_id", "locks", ["resource_id"])
    op.create_index("ix_locks_holder", "locks", ["holder"])
