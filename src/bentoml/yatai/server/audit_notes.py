"""Entries of the audit log that are made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bentoml.yatai.schema import audit

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection


def note(
    connection: Connection,
    at: datetime,
    actor: str,
    action: str,
    resource_type: str,
    resource: str,
    detail: dict[str, Any],
) -> None:
    """Write an entry, in the transaction that makes the change it is about."""
    values = {"at": at, "actor": actor, "action": action, "resource_type": resource_type}
    connection.execute(sa.insert(audit).values(**values, resource=resource, detail=detail))
