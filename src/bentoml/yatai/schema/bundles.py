"""Bundles, their labels and aliases, and locks."""

from __future__ import annotations

import sqlalchemy as sa

from bentoml.yatai.schema.columns import (
    ACTOR_LENGTH,
    BENTO_NAME,
    DIGEST_LENGTH,
    HEX_ID_LENGTH,
    LABEL_LENGTH,
    NAME_LENGTH,
    OWNER_LENGTH,
    UtcDateTime,
    metadata,
)

# One row for each time a bundle was added. Deleted rows stay, as history.
bentos = sa.Table(
    "bentos",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uid", sa.String(HEX_ID_LENGTH), nullable=False, unique=True),  # names the row's files wherever they are
    sa.Column("name", BENTO_NAME, nullable=False),
    sa.Column("version", BENTO_NAME, nullable=False),
    sa.Column("uri", sa.Text, nullable=False),
    sa.Column("uri_type", sa.String(32), nullable=False),  # name of a models.UriType
    sa.Column("bento_service_metadata", sa.JSON, nullable=False),  # camelCase; its labels are in the labels table
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("upload_status", sa.String(32), nullable=False),  # name of a models.UploadState
    sa.Column("status_updated_at", UtcDateTime, nullable=False),
    sa.Column("error_message", sa.Text, nullable=False),
    sa.Column("owner", sa.String(OWNER_LENGTH), nullable=False),  # token of the process that uploads or uploaded
    sa.Column("upload_expires_at", UtcDateTime, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    # True once nothing at `uri` belongs to this row. A deleted row that is not released still has to be cleared away.
    sa.Column("released", sa.Boolean, nullable=False),
    sa.Column("tree_digest", sa.String(DIGEST_LENGTH)),  # of the trees table; NULL for bundles not yet indexed
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("created_by", sa.String(ACTOR_LENGTH), nullable=False, server_default=sa.text("''")),
    sa.Column("deleted_at", UtcDateTime),
    sa.Column("deleted_by", sa.String(ACTOR_LENGTH), nullable=False, server_default=sa.text("''")),
    # True once a deleted row cannot be restored any more: its contents may go.
    sa.Column("purged", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_bentos_listing", "deleted", "upload_status", "created_at", "id"),
    sa.Index("ix_bentos_listing_by_name", "deleted", "upload_status", "name", "created_at", "id"),
    # Names forward and what is newest first; the index before it, read backward, has them backward.
    sa.Index(
        "ix_bentos_listing_by_name_newest", "deleted", "upload_status", "name", sa.desc("created_at"), sa.desc("id")
    ),
    sa.Index("ix_bentos_unreleased", "deleted", "released"),
    sa.Index("ix_bentos_deleted", "deleted", "purged", "deleted_at"),
    sa.Index("ix_bentos_tree_digest", "tree_digest"),
)

# What a search looks at: tag and labels in small letters. Apart from the rows, which are ten times as large.
bento_texts = sa.Table(
    "bento_texts",
    metadata,
    sa.Column("bento_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),
)

# A tag is unique among the rows that are not deleted. What PostgreSQL needs for it stands in the migration alone: named
# here, it would load that dialect on every start.
sa.Index(
    "uq_bentos_live_tag",
    bentos.c.name,
    bentos.c.version,
    unique=True,
    sqlite_where=sa.text("deleted = 0"),
)

# Labels of bundles and deployments; ids of the two overlap, so every query names the type.
labels = sa.Table(
    "labels",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("resource_type", sa.String(32), nullable=False),
    sa.Column("resource_id", sa.Integer, nullable=False),
    sa.Column("key", sa.String(LABEL_LENGTH), nullable=False),
    sa.Column("value", sa.String(LABEL_LENGTH), nullable=False),
    sa.UniqueConstraint("resource_type", "resource_id", "key"),
    sa.Index("ix_labels_lookup", "resource_type", "key", "value", "resource_id"),
)

# Names that stand for one version of a bundle, such as `production`, and can be moved to another.
aliases = sa.Table(
    "aliases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("alias", sa.String(LABEL_LENGTH), nullable=False),
    sa.Column("bento_id", sa.Integer, nullable=False, index=True),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("updated_by", sa.String(ACTOR_LENGTH), nullable=False),
    sa.UniqueConstraint("name", "alias"),
)

# One row for each change of an alias; without a version where it was removed.
alias_history = sa.Table(
    "alias_history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("alias", sa.String(LABEL_LENGTH), nullable=False),
    sa.Column("version", sa.String(NAME_LENGTH)),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("changed_by", sa.String(ACTOR_LENGTH), nullable=False),
    sa.Index("ix_alias_history_name_alias", "name", "alias", "id"),
)

# One row for each holder of a lock: many readers, or one writer.
locks = sa.Table(
    "locks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("resource_id", sa.String(2 * NAME_LENGTH + 1), nullable=False, index=True),
    sa.Column("lock_status", sa.String(16), nullable=False),  # read_lock or write_lock
    sa.Column("holder", sa.String(HEX_ID_LENGTH), nullable=False, index=True),  # one acquisition
    sa.Column("owner", sa.String(OWNER_LENGTH), nullable=False),  # token of the process
    sa.Column("ttl", UtcDateTime, nullable=False),  # when it expires
)
