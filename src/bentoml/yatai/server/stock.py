"""How much the registry holds, for those who watch it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.yatai.models import UploadState
from bentoml.yatai.schema import bentos, blobs, uploads

if TYPE_CHECKING:
    from bentoml.yatai.database import Database


@dataclass(frozen=True)
class Stock:
    """What there is, of all names.

    Attributes:
        bundles: that can be found.
        deleted: bundles that can be restored.
        contents: of files, each of which is kept once.
        stored_bytes: size of these, wherever they are.
        uploads: that are open, or were committed within the last hour.
    """

    bundles: int = 0
    deleted: int = 0
    contents: int = 0
    stored_bytes: int = 0
    uploads: int = 0

    @classmethod
    def of(cls, database: Database) -> Stock:
        """Count.

        Raises:
            BentoMLException: the catalog cannot be reached.
        """
        visible = (bentos.c.deleted == sa.false(), bentos.c.upload_status == UploadState.DONE.name)
        restorable = (bentos.c.deleted == sa.true(), bentos.c.purged == sa.false())
        count = sa.func.count()
        with database.read() as connection:
            if connection is None:
                return cls()
            contents, stored = connection.execute(sa.select(count, sa.func.sum(blobs.c.size_bytes))).one()
            return cls(
                bundles=connection.execute(sa.select(count).select_from(bentos).where(*visible)).scalar_one(),
                deleted=connection.execute(sa.select(count).select_from(bentos).where(*restorable)).scalar_one(),
                contents=contents,
                stored_bytes=int(stored or 0),
                uploads=connection.execute(sa.select(count).select_from(uploads)).scalar_one(),
            )
