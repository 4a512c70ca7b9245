"""Rows of the `bentos` table: which ones a question is about, and what they say."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.service.metadata import BentoServiceMetadata
from bentoml.yatai.label_rows import BENTO, label_clause, read_labels
from bentoml.yatai.models import Bento, BentoUri, SortBy, UploadState, UploadStatus, UriType
from bentoml.yatai.registry import LATEST
from bentoml.yatai.schema import bentos

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.types import Tag
    from bentoml.yatai.registry import BentoQuery


@dataclass(frozen=True)
class Record:
    """What identifies one row and its files."""

    id: int
    uid: str
    tag: Tag
    uri: str


def live_with_tag(tag: Tag) -> sa.Select[Any]:
    """The row of a tag that is not deleted, whatever its state; at most one."""
    return sa.select(bentos).where(
        bentos.c.deleted == sa.false(), bentos.c.name == tag.name, bentos.c.version == tag.version
    )


def visible_with_tag(tag: Tag) -> sa.Select[Any]:
    """The DONE row of a tag, at most one; for `latest` in any case, the one that was added last."""
    statement = sa.select(bentos).where(
        bentos.c.deleted == sa.false(), bentos.c.upload_status == UploadState.DONE.name, bentos.c.name == tag.name
    )
    if tag.version.lower() == LATEST:
        return statement.order_by(bentos.c.created_at.desc(), bentos.c.id.desc()).limit(1)
    return statement.where(bentos.c.version == tag.version)


def matching(query: BentoQuery) -> sa.Select[Any]:
    """The rows that are not deleted and match name and labels; neither sorted nor cut."""
    statement = sa.select(bentos).where(bentos.c.deleted == sa.false())
    if query.name is not None:
        statement = statement.where(bentos.c.name == query.name)
    return statement.where(*(label_clause(condition, BENTO, bentos.c.id) for condition in query.conditions))


def order(query: BentoQuery) -> tuple[sa.ColumnElement[Any], ...]:
    """What the rows are sorted by; rows that are equal in it come in the order of their ids."""
    if query.sort_by is SortBy.NAME:
        name = bentos.c.name.asc() if query.ascending else bentos.c.name.desc()
        return name, bentos.c.created_at.desc(), bentos.c.id.desc()
    if query.ascending:
        return bentos.c.created_at.asc(), bentos.c.id.asc()
    return bentos.c.created_at.desc(), bentos.c.id.desc()


def as_bentos(connection: Connection, rows: Sequence[sa.Row[Any]]) -> list[Bento]:
    """The rows as users see them, with their labels."""
    labels = read_labels(connection, BENTO, [row.id for row in rows])
    return [_as_bento(row, dict(labels[row.id])) for row in rows]


def metadata_document(metadata: BentoServiceMetadata) -> dict[str, Any]:
    """The metadata as stored: plain JSON, without the labels, which have a table of their own."""
    document = dataclasses.replace(metadata, labels={}).to_json()
    plain: dict[str, Any] = json.loads(json.dumps(document, default=str))
    return plain


def _as_bento(row: sa.Row[Any], labels: dict[str, str]) -> Bento:
    metadata = BentoServiceMetadata.from_json(row.bento_service_metadata)
    return Bento(
        name=row.name,
        version=row.version,
        uri=BentoUri(UriType[row.uri_type], row.uri),
        bento_service_metadata=dataclasses.replace(metadata, labels=labels),
        status=UploadStatus(UploadState[row.upload_status], row.status_updated_at, error_message=row.error_message),
        created_at=row.created_at,
    )
