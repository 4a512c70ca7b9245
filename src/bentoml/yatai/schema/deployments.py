"""Bundles that run somewhere, as far as the programs that deploy have written it down."""

from __future__ import annotations

import sqlalchemy as sa

from bentoml.yatai.schema.columns import ACTOR_LENGTH, BENTO_NAME, NAME_LENGTH, UtcDateTime, metadata

deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", BENTO_NAME, nullable=False),
    sa.Column("namespace", BENTO_NAME, nullable=False),
    sa.Column("operator", sa.String(32), nullable=False),  # name of a deployment_models.Operator
    sa.Column("bento_name", BENTO_NAME, nullable=False),
    sa.Column("bento_version", sa.String(NAME_LENGTH), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),  # camelCase, as all documents here; labels are in the labels table
    sa.Column("state", sa.JSON, nullable=False),
    sa.Column("annotations", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("last_updated_at", UtcDateTime, nullable=False),
    sa.Column("resources", sa.JSON),  # what exists on the platform; NULL for nothing
    sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("1")),  # grows with every change
    sa.Column("created_by", sa.String(ACTOR_LENGTH), nullable=False, server_default=sa.text("''")),
    sa.UniqueConstraint("namespace", "name"),
    sa.Index("ix_deployments_bento", "bento_name", "bento_version"),
    sa.Index("ix_deployments_listing", "created_at", "id"),
)

# What happened to each; they go with it.
deployment_events = sa.Table(
    "deployment_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("deployment_id", sa.Integer, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # name of a deployment_models.EventKind
    sa.Column("state", sa.String(32), nullable=False),  # name of a deployment_models.DeploymentPhase
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("actor", sa.String(ACTOR_LENGTH), nullable=False),
    sa.Index("ix_deployment_events_deployment", "deployment_id", "id"),
)
