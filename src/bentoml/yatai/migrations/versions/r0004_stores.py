"""Which buckets belong to this catalog, so that another one cannot take their contents for its own rubbish."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Add the table of buckets."""
    op.create_table(
        "stores",
        sa.Column("address", sa.String(1024), nullable=False),
        sa.Column("mark", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_stores"),
    )
