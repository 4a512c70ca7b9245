"""The records of deployments in the database: each change with its event and its row in the audit log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import YataiServiceRpcAborted
from bentoml.types import Tag
from bentoml.yatai import deployment_rows as rows
from bentoml.yatai.audit import DEPLOYMENT, AuditNote, write_note
from bentoml.yatai.deployment_checks import check_text, checked_deployment, checked_resources, checked_state
from bentoml.yatai.deployment_models import Deployment, DeploymentPhase, DeploymentState, EventKind
from bentoml.yatai.deployment_registry import no_deployment
from bentoml.yatai.label_rows import DEPLOYMENT as LABELLED
from bentoml.yatai.label_rows import replace_labels
from bentoml.yatai.models import utc_now
from bentoml.yatai.owner import os_user
from bentoml.yatai.records import visible_with_tag
from bentoml.yatai.registry import not_registered
from bentoml.yatai.schema import deployment_events, deployments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.yatai.database import Database
    from bentoml.yatai.deployment_models import (
        DeploymentEvent,
        DeploymentQuery,
        DeploymentResource,
        NewDeployment,
    )

MAX_EVENTS = 1000
"""Of each deployment so many are kept, the newest ones: one that crashes all day does not fill the database."""
_SHOWN_RESOURCES = 5


class Deployments:
    """The deployments of one catalog.

    Args:
        database: where they are.
        clock: gives the current time.
        actor: who makes the changes.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime] = utc_now, actor: Callable[[], str] = os_user
    ) -> None:
        self._database = database
        self._clock = clock
        self._actor = actor

    def find(self, namespace: str, name: str) -> Deployment:
        """See `DeploymentRegistry`."""
        with self._database.read() as connection:
            row = None if connection is None else connection.execute(rows.with_name(namespace, name)).first()
            if connection is not None and row is not None:
                return rows.as_deployments(connection, [row])[0]
        raise no_deployment(namespace, name)

    def matching(self, query: DeploymentQuery) -> list[Deployment]:
        """See `DeploymentRegistry`."""
        with self._database.read() as connection:
            return [] if connection is None else rows.page(connection, query)

    def count(self, query: DeploymentQuery) -> int:
        """See `DeploymentRegistry`."""
        with self._database.read() as connection:
            return 0 if connection is None else rows.count(connection, query)

    def events(self, namespace: str, name: str, before_id: int | None, limit: int) -> list[DeploymentEvent]:
        """See `DeploymentRegistry`."""
        with self._database.read() as connection:
            row = None if connection is None else connection.execute(rows.with_name(namespace, name)).first()
            if connection is not None and row is not None:
                return rows.events(connection, row.id, before_id, limit)
        raise no_deployment(namespace, name)

    def apply(self, wanted: NewDeployment, based_on: int | None) -> Deployment:
        """See `DeploymentRegistry`."""
        wanted = checked_deployment(wanted)
        with self._database.write(durable=True) as connection:
            row = connection.execute(rows.with_name(wanted.namespace, wanted.name)).first()
            if row is None:
                if based_on:
                    raise changed_meanwhile(wanted.namespace, wanted.name, "it is not there any more")
                return self._create(connection, wanted)
            before = _as_based_on(connection, row, based_on)
            return self._update(connection, row.id, before, wanted)

    def set_state(
        self,
        namespace: str,
        name: str,
        state: DeploymentState,
        resources: Sequence[DeploymentResource] | None,
        message: str,
        based_on: int | None,
    ) -> Deployment:
        """See `DeploymentRegistry`."""
        state = checked_state(state)
        check_text("message", message)
        kept = None if resources is None else checked_resources(resources)
        with self._database.write(durable=True) as connection:
            row = connection.execute(rows.with_name(namespace, name)).first()
            if row is None:
                raise no_deployment(namespace, name)
            before = _as_based_on(connection, row, based_on)
            state = replace(state, timestamp=state.timestamp or self._clock())
            after = replace(before, state=state, resources=before.resources if kept is None else kept)
            tells = bool(message) or _without_time(before) != _without_time(after)
            self._write(connection, row.id, after, is_change=tells)
            if tells:
                self._add_event(connection, row.id, after, EventKind.STATE, message or state.error_message)
            if before.state.state is not state.state:
                detail = {"state": state.state.name, "before": before.state.state.name}
                self._note(connection, "deployment.state", after, detail)
            return self._found(connection, row.id)

    def delete(self, namespace: str, name: str, *, force: bool, based_on: int | None) -> None:
        """See `DeploymentRegistry`."""
        with self._database.write(durable=True) as connection:
            row = connection.execute(rows.with_name(namespace, name)).first()
            if row is None:
                raise no_deployment(namespace, name)
            before = _as_based_on(connection, row, based_on)
            left = [f"{resource.kind} {resource.id}" for resource in before.resources]
            if left and not force:
                shown = ", ".join(left[:_SHOWN_RESOURCES]) + (", ..." if len(left) > _SHOWN_RESOURCES else "")
                raise YataiServiceRpcAborted(
                    f"Of the deployment {before.full_name} there still is on its platform: {shown}. Remove that first, "
                    "or force the deletion of the record"
                )
            replace_labels(connection, LABELLED, row.id, {})
            connection.execute(sa.delete(deployment_events).where(deployment_events.c.deployment_id == row.id))
            connection.execute(sa.delete(deployments).where(deployments.c.id == row.id))
            detail = {"bundle": before.spec.bento_tag, "left": left}
            self._note(connection, "deployment.delete", before, detail)

    def _create(self, connection: Connection, wanted: NewDeployment) -> Deployment:
        _require_bundle(connection, wanted)
        now = self._clock()
        state = DeploymentState(DeploymentPhase.PENDING, timestamp=now)
        inserted = connection.execute(
            sa.insert(deployments).values(
                namespace=wanted.namespace,
                name=wanted.name,
                **_spec_values(wanted),
                state=state.to_json(),
                resources=[],
                revision=1,
                created_at=now,
                last_updated_at=now,
                created_by=self._actor(),
            )
        )
        (row_id,) = inserted.inserted_primary_key or (None,)
        assert row_id is not None
        replace_labels(connection, LABELLED, row_id, wanted.labels)
        made = self._found(connection, row_id)
        self._add_event(connection, row_id, made, EventKind.CREATED, made.spec.bento_tag)
        detail = {"bundle": made.spec.bento_tag, "operator": made.spec.operator.name}
        self._note(connection, "deployment.create", made, detail)
        return made

    def _update(self, connection: Connection, row_id: int, before: Deployment, wanted: NewDeployment) -> Deployment:
        if before.spec.operator is not wanted.spec.operator:
            raise YataiServiceRpcAborted(
                "Can not change the target deploy platform of existing active deployment. Try delete existing "
                f"deployment and deploy to new target platform again: {before.full_name} is on "
                f"{before.spec.operator.written}, not on {wanted.spec.operator.written}"
            )
        if before.spec.bento_tag != wanted.spec.bento_tag:
            _require_bundle(connection, wanted)
        after = replace(before, spec=wanted.spec, labels=wanted.labels, annotations=wanted.annotations)
        if after == before:
            return before
        if after.spec != before.spec:  # what the platform says, such as its address, holds until it says otherwise
            state = DeploymentState(DeploymentPhase.PENDING, info=before.state.info, timestamp=self._clock())
            after = replace(after, state=state)
        replace_labels(connection, LABELLED, row_id, after.labels)
        self._write(connection, row_id, after, is_change=True)
        self._add_event(connection, row_id, after, EventKind.UPDATED, _difference(before, after))
        detail = {"bundle": after.spec.bento_tag, "before": before.spec.bento_tag}
        self._note(connection, "deployment.update", after, detail)
        return self._found(connection, row_id)

    def _write(self, connection: Connection, row_id: int, after: Deployment, *, is_change: bool) -> None:
        """Write a row; when nothing has changed but the time of its state, it stays the same revision."""
        values: dict[str, Any] = {"state": after.state.to_json()}
        if is_change:
            values |= _spec_values(after)
            values["resources"] = [resource.to_json() for resource in after.resources]
            values |= {"revision": after.revision + 1, "last_updated_at": self._clock()}
        connection.execute(sa.update(deployments).where(deployments.c.id == row_id).values(**values))

    def _found(self, connection: Connection, row_id: int) -> Deployment:
        row = connection.execute(sa.select(deployments).where(deployments.c.id == row_id)).one()
        return rows.as_deployments(connection, [row])[0]

    def _add_event(self, connection: Connection, row_id: int, after: Deployment, kind: EventKind, message: str) -> None:
        values = {"deployment_id": row_id, "at": self._clock(), "kind": kind.name, "state": after.state.state.name}
        connection.execute(sa.insert(deployment_events).values(**values, message=message, actor=self._actor()))
        own = sa.select(deployment_events.c.id).where(deployment_events.c.deployment_id == row_id)
        too_old = connection.execute(own.order_by(deployment_events.c.id.desc()).offset(MAX_EVENTS).limit(1)).scalar()
        if too_old is not None:
            connection.execute(
                sa.delete(deployment_events).where(
                    deployment_events.c.deployment_id == row_id, deployment_events.c.id <= too_old
                )
            )

    def _note(self, connection: Connection, action: str, deployment: Deployment, detail: Mapping[str, Any]) -> None:
        note = AuditNote(action, DEPLOYMENT, deployment.full_name, detail)
        write_note(connection, self._clock(), self._actor(), note)


def _as_based_on(connection: Connection, row: sa.Row[Any], based_on: int | None) -> Deployment:
    (before,) = rows.as_deployments(connection, [row])
    if based_on is not None and based_on != before.revision:
        what = "it is there already" if based_on == 0 else f"it is at revision {before.revision}, not {based_on}"
        raise changed_meanwhile(before.namespace, before.name, what)
    return before


def changed_meanwhile(namespace: str, name: str, what: str) -> YataiServiceRpcAborted:
    """The error of every registry for a change that is based on what is not so any more."""
    return YataiServiceRpcAborted(
        f"The deployment {namespace}/{name} was changed by somebody else: {what}. Look at it again, and repeat the "
        "change if it is still wanted"
    )


def _require_bundle(connection: Connection, wanted: NewDeployment) -> None:
    tag = Tag(wanted.spec.bento_name, wanted.spec.bento_version)
    if connection.execute(visible_with_tag(tag)).first() is None:
        raise not_registered(tag)


def _spec_values(deployment: NewDeployment) -> dict[str, Any]:
    spec = deployment.spec
    return {
        "operator": spec.operator.name,
        "bento_name": spec.bento_name,
        "bento_version": spec.bento_version,
        "spec": spec.to_json(),
        "annotations": dict(deployment.annotations),
    }


def _without_time(deployment: Deployment) -> Deployment:
    return replace(deployment, state=replace(deployment.state, timestamp=None))


def _difference(before: Deployment, after: Deployment) -> str:
    """What an update has changed, in words."""
    if before.spec.bento_tag != after.spec.bento_tag:
        return f"from {before.spec.bento_tag} to {after.spec.bento_tag}"
    parts = {
        "configuration": before.spec != after.spec,
        "labels": before.labels != after.labels,
        "annotations": before.annotations != after.annotations,
    }
    return ", ".join(name for name, is_changed in parts.items() if is_changed)
