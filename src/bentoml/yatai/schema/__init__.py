"""The tables of the catalog. `migrations/` makes them; a test compares the two."""

from __future__ import annotations

from bentoml.yatai.schema.access import audit, sessions, tokens, users
from bentoml.yatai.schema.bundles import alias_history, aliases, bento_texts, bentos, labels, locks
from bentoml.yatai.schema.columns import metadata
from bentoml.yatai.schema.contents import blobs, stores, trees, uploads
from bentoml.yatai.schema.deployments import deployment_events, deployments

__all__ = [
    "alias_history",
    "aliases",
    "audit",
    "bento_texts",
    "bentos",
    "blobs",
    "deployment_events",
    "deployments",
    "labels",
    "locks",
    "metadata",
    "sessions",
    "stores",
    "tokens",
    "trees",
    "uploads",
    "users",
]
