"""Bundles that run somewhere."""

from __future__ import annotations

import sqlalchemy as sa

from bentoml.yatai.schema.columns import NAME_LENGTH, UtcDateTime, metadata

deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("namespace", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("operator", sa.String(32), nullable=False),
    sa.Column("bento_name", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("bento_version", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
    sa.Column("annotations", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("namespace", "name"),
    sa.Index("ix_deployments_bento", "bento_name", "bento_version"),
)
