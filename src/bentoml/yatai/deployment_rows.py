"""Rows of the `deployments` table: which ones a question is about, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import YataiServiceRpcAborted
from bentoml.yatai.deployment_models import Deployment, DeploymentEvent, DeploymentPhase, EventKind
from bentoml.yatai.deployment_reading import read_resource, read_spec, read_state
from bentoml.yatai.label_rows import DEPLOYMENT, label_clause, read_labels
from bentoml.yatai.listing import pattern_clauses
from bentoml.yatai.models import SortBy
from bentoml.yatai.schema import deployment_events, deployments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.types import Tag
    from bentoml.yatai.deployment_models import DeploymentQuery


def with_name(namespace: str, name: str) -> sa.Select[Any]:
    """The row of a deployment; at most one."""
    return sa.select(deployments).where(deployments.c.namespace == namespace, deployments.c.name == name)


def page(connection: Connection, query: DeploymentQuery) -> list[Deployment]:
    """The deployments that match, cut to the page of the query, in its order."""
    statement = sa.select(deployments).where(*_matching(connection, query)).order_by(*_order(query))
    statement = statement.offset(query.offset)
    if query.limit is not None:
        statement = statement.limit(query.limit)
    return as_deployments(connection, connection.execute(statement).all())


def count(connection: Connection, query: DeploymentQuery) -> int:
    """How many deployments match, whatever the page."""
    statement = sa.select(sa.func.count()).select_from(deployments).where(*_matching(connection, query))
    return connection.execute(statement).scalar_one()


def refuse_when_deployed(connection: Connection, tag: Tag) -> None:
    """Refuse to let a bundle go that is deployed, as far as is recorded, and not turned off.

    Raises:
        YataiServiceRpcAborted: it is.
    """
    statement = sa.select(deployments.c.namespace, deployments.c.name).where(
        deployments.c.bento_name == tag.name,
        deployments.c.bento_version == tag.version,
        _phase() != DeploymentPhase.INACTIVATED.name,
    )
    found = connection.execute(statement.order_by(deployments.c.namespace, deployments.c.name)).all()
    if found:
        names = " and ".join(f"{namespace}/{name}" for namespace, name in found)
        raise YataiServiceRpcAborted(
            f"{tag} is deployed as {names}: delete that, or let it use another bundle first, or force the deletion"
        )


def as_deployments(connection: Connection, rows: Sequence[sa.Row[Any]]) -> list[Deployment]:
    """The rows as users see them, with their labels."""
    labels = read_labels(connection, DEPLOYMENT, [row.id for row in rows])
    return [
        Deployment(
            namespace=row.namespace,
            name=row.name,
            spec=read_spec(row.spec),
            labels=dict(labels[row.id]),
            annotations=row.annotations,
            state=read_state(row.state),
            resources=tuple(read_resource(document) for document in row.resources or ()),
            revision=row.revision,
            created_at=row.created_at,
            last_updated_at=row.last_updated_at,
            created_by=row.created_by,
        )
        for row in rows
    ]


def events(connection: Connection, deployment_id: int, before_id: int | None, limit: int) -> list[DeploymentEvent]:
    """What happened to a deployment, newest first."""
    statement = sa.select(deployment_events).where(deployment_events.c.deployment_id == deployment_id)
    if before_id is not None:
        statement = statement.where(deployment_events.c.id < before_id)
    rows = connection.execute(statement.order_by(deployment_events.c.id.desc()).limit(limit)).all()
    return [
        DeploymentEvent(row.id, row.at, EventKind[row.kind], DeploymentPhase[row.state], row.message, row.actor)
        for row in rows
    ]


def _matching(connection: Connection, query: DeploymentQuery) -> list[sa.ColumnElement[bool]]:
    table, dialect = deployments.c, connection.dialect.name
    clauses: list[sa.ColumnElement[bool]] = [sa.true()]
    for column, wanted in (
        (table.namespace, query.namespace),
        (table.operator, None if query.operator is None else query.operator.name),
        (table.bento_name, query.bento_name),
        (table.bento_version, query.bento_version),
    ):
        if wanted is not None:
            clauses.append(column == wanted)
    if query.states:
        clauses.append(_phase().in_([state.name for state in query.states]))
    clauses += pattern_clauses((query.name_patterns, *query.also_patterns), table.bento_name, dialect)
    text = sa.func.lower(table.namespace + "/" + table.name + " " + table.bento_name + ":" + table.bento_version)
    clauses += [text.contains(word, autoescape=True) for word in query.search.lower().split()]
    clauses += [label_clause(condition, DEPLOYMENT, table.id, dialect) for condition in query.conditions]
    return clauses


def _phase() -> sa.ColumnElement[str]:
    phase: sa.ColumnElement[str] = deployments.c.state["state"].as_string()
    return phase


def _order(query: DeploymentQuery) -> tuple[sa.ColumnElement[Any], ...]:
    """What the rows are sorted by; rows that are equal in it come in the order of their ids."""
    table = deployments.c
    if query.sort_by is SortBy.NAME:
        columns: tuple[sa.ColumnElement[Any], ...] = (table.name, table.namespace)
    else:
        columns = (table.created_at, table.id)
    return tuple(column.asc() if query.ascending else column.desc() for column in columns)
