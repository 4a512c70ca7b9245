"""Rows of the `bentos` table: which ones a question is about, and what they say."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.service.metadata import BentoServiceMetadata
from bentoml.yatai.label_rows import BENTO, read_labels
from bentoml.yatai.models import Bento, BentoUri, UploadState, UploadStatus, UriType
from bentoml.yatai.registry import LATEST
from bentoml.yatai.schema import aliases, bentos

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.types import Tag


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
    """The DONE row of a tag, at most one; for `latest`, in any case of letters, the one that was added last."""
    statement = sa.select(bentos).where(
        bentos.c.deleted == sa.false(), bentos.c.upload_status == UploadState.DONE.name, bentos.c.name == tag.name
    )
    if tag.alias is not None:
        named = sa.select(aliases.c.bento_id).where(aliases.c.name == tag.name, aliases.c.alias == tag.alias)
        return statement.where(bentos.c.id == named.scalar_subquery())
    if tag.version.lower() == LATEST:
        return statement.order_by(bentos.c.created_at.desc(), bentos.c.id.desc()).limit(1)
    return statement.where(bentos.c.version == tag.version)


def as_bentos(connection: Connection, rows: Sequence[sa.Row[Any]]) -> list[Bento]:
    """The rows as users see them, with their labels and aliases."""
    ids = [row.id for row in rows]
    labels, names = read_labels(connection, BENTO, ids), _read_aliases(connection, ids)
    return [_as_bento(row, dict(labels[row.id]), tuple(sorted(names[row.id]))) for row in rows]


def metadata_document(metadata: BentoServiceMetadata) -> dict[str, Any]:
    """The metadata as stored: plain JSON, without the labels, which have a table of their own."""
    document = dataclasses.replace(metadata, labels={}).to_json()
    plain: dict[str, Any] = json.loads(json.dumps(document, default=str))
    return plain


def _read_aliases(connection: Connection, bento_ids: Sequence[int]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(bento_ids), 500):  # below the number of parameters that any SQLite takes
        some = bento_ids[start : start + 500]
        for bento_id, alias in connection.execute(
            sa.select(aliases.c.bento_id, aliases.c.alias).where(aliases.c.bento_id.in_(some))
        ):
            found[bento_id].append(alias)
    return found


def _as_bento(row: sa.Row[Any], labels: dict[str, str], names: tuple[str, ...]) -> Bento:
    metadata = BentoServiceMetadata.from_json(row.bento_service_metadata)
    return Bento(
        name=row.name,
        version=row.version,
        uri=BentoUri(UriType[row.uri_type], row.uri),
        bento_service_metadata=dataclasses.replace(metadata, labels=labels),
        status=UploadStatus(UploadState[row.upload_status], row.status_updated_at, error_message=row.error_message),
        created_at=row.created_at,
        created_by=row.created_by,
        aliases=names,
        size_bytes=row.size_bytes,
        tree_digest=row.tree_digest,
        deleted_at=row.deleted_at,
        deleted_by=row.deleted_by,
    )
