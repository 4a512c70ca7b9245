"""Tags that somebody has taken for a bundle whose files come later, as clients of the classic service do.

A reservation is a record that is UPLOADING and belongs to no process. Nobody sees it; it keeps the tag from others
until its files come, somebody says that they will not, or its time is over.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.service.metadata import BentoServiceMetadata
from bentoml.yatai.audit import BUNDLE, AuditNote, write_note
from bentoml.yatai.catalog import Catalog
from bentoml.yatai.models import BentoUri, UploadState, utc_now
from bentoml.yatai.records import live_with_tag
from bentoml.yatai.schema import bentos

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.types import Tag
    from bentoml.yatai.blobs import BlobStore
    from bentoml.yatai.database import Database

KEPT = timedelta(hours=1)


class Reservations:
    """The reservations of a registry.

    Args:
        database: of the catalog.
        blobs: where the files will be.
        clock: gives the current time.
    """

    def __init__(self, database: Database, blobs: BlobStore, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock

    def reserve(self, tag: Tag, actor: str) -> BentoUri:
        """Take a tag; one whose upload has failed, or whose time is over, is free.

        Returns:
            Where the files will be.

        Raises:
            InvalidArgument: it cannot be a tag.
            YataiServiceRpcAborted: it is taken.
        """
        uri = BentoUri(self._blobs.uri_type, self._blobs.locate(tag))
        catalog = Catalog(self._database, self._clock, lambda: actor)
        metadata = BentoServiceMetadata(name=tag.name, version=tag.version)
        record = catalog.add(metadata, uri, lambda old: self._blobs.displace(old.uri, old.uid))
        with self._database.write(durable=True) as connection:
            self._set(connection, record.id, owner="", upload_expires_at=self._clock() + KEPT)
            write_note(connection, self._clock(), actor, AuditNote("bundle.reserve", BUNDLE, str(tag)))
        return uri

    def give_way(self, tag: Tag) -> None:
        """End the reservation of a tag, if there is one: its files have come."""
        with self._database.write() as connection:
            row = _reserved(connection, tag)
            if row is not None:
                self._set(connection, row.id, deleted=True, purged=True)

    def keep(self, tag: Tag) -> None:
        """Go on with a reservation: its time begins anew.

        Raises:
            NotFound: there is none.
            YataiServiceRpcAborted: its files have come already.
        """
        self._change(tag, upload_expires_at=self._clock() + KEPT)

    def fail(self, tag: Tag, reason: str) -> None:
        """Say that no files will come: the tag is free.

        Raises:
            NotFound: there is no reservation.
            YataiServiceRpcAborted: its files have come already.
        """
        text = reason.replace("\0", "\N{REPLACEMENT CHARACTER}")
        self._change(tag, upload_status=UploadState.ERROR.name, error_message=text)

    def _change(self, tag: Tag, **values: Any) -> None:
        with self._database.write(durable=True) as connection:
            row = _reserved(connection, tag)
            if row is None:
                live = connection.execute(live_with_tag(tag)).first()
                if live is not None and live.upload_status == UploadState.DONE.name:
                    raise YataiServiceRpcAborted(f"{tag} is complete, and stays so; delete it to upload it again")
                raise NotFound(f"nothing is on its way for {tag}; begin with AddBento")
            self._set(connection, row.id, status_updated_at=self._clock(), **values)

    def _set(self, connection: Connection, row_id: int, **values: Any) -> None:
        connection.execute(sa.update(bentos).where(bentos.c.id == row_id).values(**values))


def _reserved(connection: Connection, tag: Tag) -> sa.Row[Any] | None:
    return connection.execute(
        live_with_tag(tag).where(bentos.c.upload_status == UploadState.UPLOADING.name, bentos.c.owner == "")
    ).first()
