"""The records of bundles in the database.

A record goes through these states; only DONE ones are seen by readers:

```
add -> UPLOADING -> (publishing) -> DONE -> (retire) -> deleted -> (release) -> deleted and released
                 -> (fail) -> ERROR                            <- (restore, see recycle_bin) <-
```

`publishing` and `release` run a step on the files inside the transaction that changes the state, so two processes
never do them at once, and a process that was stopped in between finds out before it touches anything. A process that
dies between a step and its commit leaves a record that the next one clears away: see `retire_stale` and `unreleased`.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import NotFound, YataiRepositoryException, YataiServiceRpcAborted
from bentoml.service.naming import validate_labels
from bentoml.types import Tag
from bentoml.yatai import listing
from bentoml.yatai.aliases import Aliases
from bentoml.yatai.audit import BUNDLE, AuditNote, write_note
from bentoml.yatai.deployment_rows import refuse_when_deployed
from bentoml.yatai.label_rows import BENTO, read_labels, replace_labels
from bentoml.yatai.models import UploadState, utc_now
from bentoml.yatai.owner import Owner, os_user
from bentoml.yatai.records import Record, as_bentos, live_with_tag, metadata_document, visible_with_tag
from bentoml.yatai.registry import not_registered
from bentoml.yatai.schema import bentos

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime
    from typing import Any

    from sqlalchemy.engine import Connection

    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.database import Database
    from bentoml.yatai.models import Bento, BentoUri
    from bentoml.yatai.registry import BentoQuery

# After this time an upload counts as failed; when its process is known to be dead, at once.
UPLOAD_LIFETIME = timedelta(hours=1)


class Catalog:
    """Records of bundles.

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
        self._aliases = Aliases(database, clock, actor)

    def find(self, tag: Tag) -> Bento:
        """The DONE record of a tag; the version may be `latest` or an alias.

        Raises:
            NotFound: there is none.
        """
        with self._database.read() as connection:
            row = None if connection is None else connection.execute(visible_with_tag(tag)).first()
            if connection is not None and row is not None:
                return as_bentos(connection, [row])[0]
        raise not_registered(tag)

    def list_bentos(self, query: BentoQuery) -> list[Bento]:
        """The DONE records that match."""
        with self._database.read() as connection:
            return [] if connection is None else as_bentos(connection, listing.page(connection, query))

    def count_bentos(self, query: BentoQuery) -> int:
        """How many DONE records match, whatever the page."""
        with self._database.read() as connection:
            return 0 if connection is None else listing.count(connection, query)

    def matching_tags(self, query: BentoQuery) -> list[Tag]:
        """Tags of all records that match, DONE or not, in the order of the query."""
        with self._database.read() as connection:
            return [] if connection is None else listing.tags(connection, query)

    def resolve(self, tag: Tag) -> Tag:
        """The tag with `latest`, or an alias, replaced by the version it means.

        Raises:
            NotFound: there is no bundle of that name, or no such alias.
        """
        if tag.is_exact:
            return tag
        found = self.find(tag)
        return Tag(found.name, found.version)

    def add(self, metadata: BentoServiceMetadata, uri: BentoUri, vacate: Callable[[Record], None]) -> Record:
        """Take a tag for an upload by this process.

        Args:
            metadata: what the bundle contains.
            uri: where its files will be.
            vacate: called for each record that may still have files at `uri`; takes them away.

        Raises:
            YataiServiceRpcAborted: the tag is taken by a bundle, or by an upload that is going on.
        """
        tag = Tag(metadata.name, metadata.version)
        now = self._clock()
        with self._database.write(durable=True) as connection:
            live = connection.execute(live_with_tag(tag)).first()
            if live is not None:
                if live.upload_status == UploadState.DONE.name or self._is_going_on(live):
                    raise YataiServiceRpcAborted(f"BentoService bundle: {tag} already exists")
                self._set(connection, live.id, deleted=True, purged=True)
            self._release(connection, tag, vacate)
            values: dict[str, Any] = {
                "uid": uuid.uuid4().hex,
                "name": tag.name,
                "version": tag.version,
                "uri": uri.uri,
                "uri_type": uri.type.name,
                "bento_service_metadata": metadata_document(metadata),
                "created_at": now,
                "upload_status": UploadState.UPLOADING.name,
                "status_updated_at": now,
                "error_message": "",
                "created_by": self._actor(),
                "owner": Owner.current().token,
                "upload_expires_at": now + UPLOAD_LIFETIME,
                "deleted": False,
                "released": False,
            }
            inserted = connection.execute(sa.insert(bentos).values(values))
            (row_id,) = inserted.inserted_primary_key or (None,)
            assert row_id is not None
            replace_labels(connection, BENTO, row_id, metadata.labels)
            listing.replace_text(connection, row_id, str(tag), metadata.labels)
            return Record(row_id, values["uid"], tag, uri.uri)

    @contextmanager
    def publishing(self, record: Record) -> Iterator[Connection]:
        """The block puts the files in place; when it ends well the record is DONE.

        Yields:
            The transaction, for what has to be known of the bundle from then on.

        Raises:
            YataiRepositoryException: the record was deleted or replaced in the meantime.
        """
        with self._database.write(durable=True) as connection:
            row = connection.execute(sa.select(bentos).where(bentos.c.id == record.id)).one()
            if row.deleted or row.upload_status != UploadState.UPLOADING.name:
                raise YataiRepositoryException(f"{record.tag} was deleted while it was being saved; save it again")
            yield connection
            self._set(connection, record.id, upload_status=UploadState.DONE.name, status_updated_at=self._clock())
            labels = read_labels(connection, BENTO, [record.id])[record.id]
            self._note(connection, "bundle.register", record.tag, {"labels": dict(labels)})

    def fail(self, record: Record, reason: str) -> None:
        """Say that an upload has failed, so that the tag is free at once."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(bentos)
                .where(bentos.c.id == record.id, bentos.c.upload_status == UploadState.UPLOADING.name)
                .values(
                    upload_status=UploadState.ERROR.name,
                    status_updated_at=self._clock(),
                    error_message=reason.replace("\0", "\N{REPLACEMENT CHARACTER}"),  # which PostgreSQL cannot hold
                )
            )

    def retire(self, tag: Tag, *, force: bool = False, purge: bool = False) -> None:
        """Delete the record of a tag, whatever its state; `release` clears its files away afterwards.

        Args:
            tag: with the version itself.
            force: also when an alias stands for it, which goes, too, or a deployment is recorded of it, which stays.
            purge: so that it cannot be restored. What was never complete cannot be, anyway.

        Raises:
            NotFound: there is no such record.
            YataiServiceRpcAborted: an alias stands for it, or it is deployed.
        """
        with self._database.write(durable=True) as connection:
            live = connection.execute(live_with_tag(tag)).first()
            if live is None:
                raise not_registered(tag)
            (bento,) = as_bentos(connection, [live])
            if bento.aliases and not force:
                raise YataiServiceRpcAborted(
                    f"{tag} is {' and '.join(f'{tag.name}@{alias}' for alias in bento.aliases)}: move or remove the "
                    "alias first, or force the deletion"
                )
            if not force:
                refuse_when_deployed(connection, tag)
            self._aliases.remove_all_of(connection, live.id)
            purged = purge or live.upload_status != UploadState.DONE.name
            values = {"deleted": True, "deleted_at": self._clock(), "deleted_by": self._actor(), "purged": purged}
            self._set(connection, live.id, **values)
            self._note(connection, "bundle.delete", tag, {})
            if purge:
                self._note(connection, "bundle.purge", tag, {"expired": False})

    def set_labels(self, tag: Tag, labels: Mapping[str, str]) -> Bento:
        """See `Registry`."""
        return self._edit_labels(tag, lambda _before: dict(labels))

    def change_labels(self, tag: Tag, changed: Mapping[str, str], removed: Collection[str] = ()) -> Bento:
        """See `Registry`."""

        def edit(before: dict[str, str]) -> dict[str, str]:
            unknown = sorted(set(removed) - before.keys())
            if unknown:
                raise NotFound(f"{tag} has no label {', '.join(unknown)}; it has: {', '.join(before) or 'none'}")
            return {key: value for key, value in before.items() if key not in removed} | dict(changed)

        return self._edit_labels(tag, edit)

    def _edit_labels(self, tag: Tag, edit: Callable[[dict[str, str]], dict[str, str]]) -> Bento:
        with self._database.write(durable=True) as connection:
            row = connection.execute(visible_with_tag(tag)).first()
            if row is None:
                raise not_registered(tag)
            before = dict(read_labels(connection, BENTO, [row.id])[row.id])
            after = validate_labels(edit(before))
            if after != before:
                replace_labels(connection, BENTO, row.id, after)
                exact = Tag(row.name, row.version)
                listing.replace_text(connection, row.id, str(exact), after)
                self._note(connection, "bundle.labels", exact, {"labels": after, "before": before})
            return as_bentos(connection, [row])[0]

    def release(self, tag: Tag, vacate: Callable[[Record], None]) -> None:
        """Call `vacate` for each deleted record of a tag that may still have files at its URI."""
        with self._database.write() as connection:
            self._release(connection, tag, vacate)

    def retire_stale(self) -> None:
        """Delete the records of uploads that failed: said so, ran out of time, or lost their process."""
        unfinished = sa.select(bentos).where(
            bentos.c.deleted == sa.false(), bentos.c.upload_status != UploadState.DONE.name
        )
        with self._database.read() as connection:
            rows = [] if connection is None else connection.execute(unfinished).all()
        if not any(not self._is_going_on(row) for row in rows):
            return
        with self._database.write() as writer:
            for row in writer.execute(unfinished).all():
                if not self._is_going_on(row):
                    self._set(writer, row.id, deleted=True, purged=True)

    def unreleased(self) -> list[Tag]:
        """Tags of deleted records that may still have files at their URI."""
        statement = sa.select(bentos.c.name, bentos.c.version).where(
            bentos.c.deleted == sa.true(), bentos.c.released == sa.false()
        )
        with self._database.read() as connection:
            rows = [] if connection is None else connection.execute(statement.distinct()).all()
        return [Tag(row.name, row.version) for row in rows]

    def _release(self, connection: Connection, tag: Tag, vacate: Callable[[Record], None]) -> None:
        statement = sa.select(bentos).where(
            bentos.c.deleted == sa.true(),
            bentos.c.released == sa.false(),
            bentos.c.name == tag.name,
            bentos.c.version == tag.version,
        )
        for row in connection.execute(statement).all():
            vacate(Record(row.id, row.uid, tag, row.uri))
            self._set(connection, row.id, released=True)

    def _is_going_on(self, row: sa.Row[Any]) -> bool:
        """Whether the upload of a record may still come to its end."""
        if row.upload_status != UploadState.UPLOADING.name:
            return False
        owner = Owner.parse(row.owner)
        if owner is not None and owner.is_alive() is False:
            return False
        return bool(row.upload_expires_at > self._clock())

    def _set(self, connection: Connection, row_id: int, **values: Any) -> None:
        connection.execute(sa.update(bentos).where(bentos.c.id == row_id).values(**values))

    def _note(self, connection: Connection, action: str, tag: Tag, detail: Mapping[str, Any]) -> None:
        write_note(connection, self._clock(), self._actor(), AuditNote(action, BUNDLE, str(tag), detail))
