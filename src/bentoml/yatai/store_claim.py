"""That a bucket belongs to one catalog, and a catalog to one place for its files.

Contents that a catalog does not know are rubbish to it, which it removes some time. Two catalogs with one bucket would
remove each other's bundles. So the first that uses a bucket leaves a mark there, and who has another one is refused.

Bundles of one catalog share contents, wherever they were saved from. So a second place is refused, too: what is brought
there would be taken from the bundles in the first.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.exceptions import YataiRepositoryException
from bentoml.yatai.models import UploadState, UriType, utc_now
from bentoml.yatai.schema import bentos, blobs, stores

if TYPE_CHECKING:
    from bentoml.yatai.content_store import ContentStore
    from bentoml.yatai.database import Database


def claim_store(database: Database, contents: ContentStore) -> None:
    """See that a store belongs to this catalog; one that belongs to nobody does so from now on.

    Args:
        database: of the catalog.
        contents: the store.

    Raises:
        YataiRepositoryException: it belongs to another catalog, or the files of this one are elsewhere.
    """
    address = contents.address
    there = None if address is None else contents.read_mark()
    if there is None:
        _refuse_second_place(database, address)
    if address is None:
        return
    if there is None:
        contents.write_mark(_mark_for(database, address))
        there = contents.read_mark()
    _compare(database, contents, there)


def refuse_foreign(database: Database, contents: ContentStore) -> None:
    """The same without leaving a mark: a store that belongs to nobody has nothing that could be lost.

    Raises:
        YataiRepositoryException: it belongs to another catalog.
    """
    if contents.address is not None:
        there = contents.read_mark()
        if there is not None:
            _compare(database, contents, there)


def _refuse_second_place(database: Database, address: str | None) -> None:
    """Refuse a place without a mark, where the catalog has files elsewhere."""
    local = sa.select(bentos.c.uri).where(
        bentos.c.uri_type == UriType.LOCAL.name,
        bentos.c.upload_status == UploadState.DONE.name,
        sa.not_(sa.and_(bentos.c.deleted, bentos.c.purged)),
    )
    elsewhere = sa.select(stores.c.address).where(sa.exists(sa.select(blobs.c.digest)))
    with database.read() as connection:
        if connection is None:
            return
        if address is None:
            first = connection.execute(elsewhere.limit(1)).scalar()
        elif connection.execute(elsewhere.where(stores.c.address == address)).first() is not None:
            return
        else:
            first = connection.execute(elsewhere.limit(1)).scalar() or connection.execute(local.limit(1)).scalar()
    if first is not None:
        raise YataiRepositoryException(
            f"Files of this catalog are in {first}, and all have to be in one place. Set yatai.repository back; or "
            "begin another catalog (yatai.database.url) and push the bundles to it. A bucket may move: copy all "
            "objects, blobs/catalog too"
        )


def _compare(database: Database, contents: ContentStore, there: str | None) -> None:
    """Any mark of this catalog is right: a backup may have been copied to another bucket, with the mark."""
    with database.read() as connection:
        own = () if connection is None else connection.execute(sa.select(stores.c.mark)).scalars().all()
    if there not in own:
        raise YataiRepositoryException(
            f"{contents.address} belongs to another catalog; two with one bucket would remove each other's files. Set "
            "yatai.database.url to the database of the first, or keep bundles under another prefix. If that database "
            f"is lost for good, remove {contents.mark_address}: the contents of its bundles are then collected"
        )


def _mark_for(database: Database, address: str) -> str:
    """The mark of this catalog for a store; one that is new is in the catalog before it is in the store."""
    with database.write(durable=True) as connection:
        found = connection.execute(sa.select(stores.c.mark).where(stores.c.address == address)).scalar()
        if found is not None:
            return str(found)
        if connection.execute(sa.select(blobs.c.digest).limit(1)).first() is None:
            connection.execute(sa.delete(stores))  # such as one with a slip in its name, where nothing ever came
        mark = uuid.uuid4().hex
        connection.execute(sa.insert(stores).values(address=address, mark=mark, created_at=utc_now()))
        return mark
