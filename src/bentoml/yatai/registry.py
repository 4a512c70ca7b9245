"""The port between the client's verbs and a registry: in this process, or on another machine.

Every registry keeps these promises:

- A bundle is visible (`find`, `list_bentos`) once `register` has returned, and never before its files are complete.
- A bundle that `delete` has removed is invisible at once; its files go afterwards.
- A tag belongs to one bundle at a time. The tag of a deleted bundle, or of an upload that failed, can be used again.
- `latest` means the bundle of that name which was registered last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bentoml.exceptions import NotFound
from bentoml.yatai.models import SortBy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.types import Tag
    from bentoml.yatai.labels import LabelCondition
    from bentoml.yatai.models import Bento

DEFAULT_LIMIT = 40
LATEST = "latest"


@dataclass(frozen=True)
class BentoQuery:
    """Which bundles, in which order.

    Attributes:
        name: exact name of the service; None for every name.
        conditions: label conditions, all of which must hold.
        sort_by: the column that decides the order; bundles of one name are sorted newest first.
        ascending: smallest (oldest) first.
        offset: bundles to skip, >= 0.
        limit: most bundles to return, >= 0; None for all.
    """

    name: str | None = None
    conditions: Sequence[LabelCondition] = ()
    sort_by: SortBy = SortBy.CREATED_AT
    ascending: bool = False
    offset: int = 0
    limit: int | None = DEFAULT_LIMIT


def not_registered(tag: Tag | str, reason: str = "no such bundle is registered") -> NotFound:
    """The error of every registry for a bundle that it does not have."""
    return NotFound(f"BentoService {tag} not found - {NotFound.proto_status_code.name}:{reason}")


class Registry(Protocol):
    """Where bundles are registered."""

    def staging(self) -> AbstractContextManager[Path]:
        """An empty directory to write a bundle into; it is gone after the block unless it was registered."""

    def register(self, staged: Path, metadata: BentoServiceMetadata) -> Bento:
        """Take in a complete bundle that was written to `staging()`.

        Raises:
            YataiServiceRpcAborted: the tag is taken.
        """

    def find(self, tag: Tag) -> Bento:
        """The bundle of a tag; the version may be `latest`.

        Raises:
            NotFound: there is no such bundle, or its upload is not complete.
        """

    def list_bentos(self, query: BentoQuery) -> list[Bento]:
        """The bundles that match."""

    def matching_tags(self, query: BentoQuery) -> list[Tag]:
        """Tags of all records that match, those of failed and unfinished uploads included; no paging."""

    def delete(self, tag: Tag) -> None:
        """Remove a bundle, or what a failed upload has left; the version may be `latest`.

        Raises:
            NotFound: there is no such record.
        """

    def fetch(self, bento: Bento, target: Path) -> None:
        """Copy the files of a bundle to `target`, which does not exist."""

    def reading(self, bento: Bento) -> AbstractContextManager[Path]:
        """A local directory with the files of a bundle, which nobody deletes within the block."""
