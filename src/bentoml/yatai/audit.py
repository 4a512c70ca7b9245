"""Who changed what: one row for each change, written by the transaction that makes it.

| action            | resource             | detail                                                        |
|-------------------|----------------------|---------------------------------------------------------------|
| `bundle.register` | bundle `Name:version`| `labels`                                                      |
| `bundle.delete`   | bundle               |                                                               |
| `bundle.restore`  | bundle               |                                                               |
| `bundle.purge`    | bundle               | `expired`: whether its time to be restored had come to its end |
| `bundle.labels`   | bundle               | `labels` as they are now, `before`                            |
| `alias.set`       | alias `Name@alias`   | `version`, `before`: the version until then, or null          |
| `alias.remove`    | alias                | `before`                                                      |
| `deployment.create` | deployment `namespace/name` | `bundle`, `operator`                                 |
| `deployment.update` | deployment         | `bundle`, `before`: the bundle until then                     |
| `deployment.state` | deployment          | `state`, `before`                                             |
| `deployment.delete` | deployment         | `bundle`, `left`: what its record said still exists           |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.yatai.schema import audit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.yatai.database import Database

BUNDLE = "bundle"
ALIAS = "alias"
DEPLOYMENT = "deployment"


@dataclass(frozen=True)
class AuditEntry:
    """One change.

    Attributes:
        id: grows with time.
        at: when.
        actor: who.
        action: what was done, such as `bundle.delete`.
        resource_type: kind of thing it was done to, such as `bundle`.
        resource: which one, such as `Iris:1`.
        detail: more about it, as JSON.
    """

    id: int
    at: datetime
    actor: str
    action: str
    resource_type: str
    resource: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class AuditQuery:
    """Which entries, newest first.

    Attributes:
        actor: exact; None for everybody.
        action: exact, or the part before the dot, such as `bundle`; None for all.
        resource_type: exact; None for all.
        resource: exact, with `resource_type`; None for all.
        before_id: only older ones than this entry, for the next page; None for the newest.
        limit: most entries, >= 0.
    """

    actor: str | None = None
    action: str | None = None
    resource_type: str | None = None
    resource: str | None = None
    before_id: int | None = None
    limit: int = 40


@dataclass(frozen=True)
class AuditNote:
    """A change that is being made.

    Attributes:
        action: see the table above.
        resource_type: see `AuditEntry`.
        resource: see `AuditEntry`.
        detail: see `AuditEntry`.
    """

    action: str
    resource_type: str
    resource: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def write_note(connection: Connection, at: datetime, actor: str, note: AuditNote) -> None:
    """Write down a change, in the transaction that makes it."""
    connection.execute(
        sa.insert(audit).values(
            at=at,
            actor=actor,
            action=note.action,
            resource_type=note.resource_type,
            resource=note.resource,
            detail=dict(note.detail),
        )
    )


def read_audit(database: Database, query: AuditQuery) -> list[AuditEntry]:
    """The entries that match, newest first."""
    statement = sa.select(audit).order_by(audit.c.id.desc()).limit(query.limit)
    for column in (audit.c.actor, audit.c.resource_type, audit.c.resource):
        wanted = getattr(query, column.name)
        if wanted is not None:
            statement = statement.where(column == wanted)
    if query.action is not None:
        family = audit.c.action.startswith(f"{query.action}.", autoescape=True)
        statement = statement.where(sa.or_(audit.c.action == query.action, family))
    if query.before_id is not None:
        statement = statement.where(audit.c.id < query.before_id)
    with database.read() as connection:
        rows = [] if connection is None else connection.execute(statement).all()
    return [AuditEntry(**row._mapping) for row in rows]
