"""The tables of the catalog. `migrations/` makes them; a test compares the two."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

NAME_LENGTH = 255
OWNER_LENGTH = 512


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC time in Python, naive UTC with microseconds in the database."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else value.replace(tzinfo=timezone.utc)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# One row for each time a bundle was added. Deleted rows stay, as history.
bentos = sa.Table(
    "bentos",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uid", sa.String(32), nullable=False, unique=True),  # names the files of this row wherever they are moved
    sa.Column("name", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("version", sa.String(NAME_LENGTH), nullable=False),
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
    sa.Index("ix_bentos_listing", "deleted", "upload_status", "created_at", "id"),
    sa.Index("ix_bentos_listing_by_name", "deleted", "upload_status", "name", "created_at", "id"),
    sa.Index("ix_bentos_unreleased", "deleted", "released"),
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

# Labels of bundles and, later, deployments; ids of the two overlap, so every query names the type.
labels = sa.Table(
    "labels",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("resource_type", sa.String(32), nullable=False),
    sa.Column("resource_id", sa.Integer, nullable=False),
    sa.Column("key", sa.String(63), nullable=False),
    sa.Column("value", sa.String(63), nullable=False),
    sa.UniqueConstraint("resource_type", "resource_id", "key"),
    sa.Index("ix_labels_lookup", "resource_type", "key", "value", "resource_id"),
)

# One row for each holder of a lock: many readers, or one writer.
locks = sa.Table(
    "locks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("resource_id", sa.String(2 * NAME_LENGTH + 1), nullable=False, index=True),
    sa.Column("lock_status", sa.String(16), nullable=False),  # read_lock or write_lock
    sa.Column("holder", sa.String(32), nullable=False, index=True),  # one acquisition
    sa.Column("owner", sa.String(OWNER_LENGTH), nullable=False),  # token of the process
    sa.Column("ttl", UtcDateTime, nullable=False),  # when it expires
)
