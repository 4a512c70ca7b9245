"""How much there is in the registry, for the front page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.yatai.models import UploadState
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.schema import bentos, blobs
from bentoml.yatai.server.bundles import patterns_of

if TYPE_CHECKING:
    from bentoml.yatai.server.call import Call


@dataclass(frozen=True)
class Figures:
    """Numbers about what the viewer may know.

    Attributes:
        names: different names of bundles; None where the viewer may know some only.
        bundles: all versions of all names.
        stored_bytes: of all contents; None as above.
        saved_bytes: what the same bundles would need more if they shared nothing.
    """

    names: int | None
    bundles: int
    stored_bytes: int | None
    saved_bytes: int

    @classmethod
    def of(cls, call: Call) -> Figures:
        """Count."""
        bundles = call.registry.count_bentos(BentoQuery(**patterns_of(call)))
        if not call.principal.covers_all:
            return cls(None, bundles, None, 0)
        visible = (bentos.c.deleted == sa.false(), bentos.c.upload_status == UploadState.DONE.name)
        with call.core.database.read() as connection:
            if connection is None:
                return cls(0, 0, 0, 0)
            names = connection.execute(sa.select(sa.func.count(bentos.c.name.distinct())).where(*visible)).scalar_one()
            stored = connection.execute(sa.select(sa.func.sum(blobs.c.size_bytes))).scalar() or 0
            named = connection.execute(sa.select(sa.func.sum(bentos.c.size_bytes)).where(*visible)).scalar() or 0
        return cls(names, bundles, int(stored), max(0, int(named) - int(stored)))
