"""What a record of a deployment lacked: what exists on its platform, its revision, who made it, its events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"

_BY_CODE_POINT = sa.String(255, collation="C")


def upgrade() -> None:
    """Add columns to deployments, and the table of their events."""
    for column in (
        sa.Column("resources", sa.JSON, nullable=True),
        sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("created_by", sa.String(255), nullable=False, server_default=sa.text("''")),
    ):
        op.add_column("deployments", column)
    if op.get_bind().dialect.name == "postgresql":
        for name in ("name", "namespace", "bento_name"):
            op.alter_column("deployments", name, type_=_BY_CODE_POINT, existing_nullable=False)
    op.create_index("ix_deployments_listing", "deployments", ["created_at", "id"])
    op.create_table(
        "deployment_events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("deployment_id", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deployment_events"),
    )
    op.create_index("ix_deployment_events_deployment", "deployment_events", ["deployment_id", "id"])
