"""The port between the client's verbs and a registry: in this process, or on another machine.

Every registry keeps these promises:

- A bundle is visible (`find`, `list_bentos`) once `register` has returned, and never before its files are complete.
- A bundle that `delete` has removed is invisible at once. It can be restored until it is purged, and as long as its tag
  was not used again; its files are kept that long.
- A tag belongs to one bundle at a time. The tag of a deleted bundle, or of an upload that failed, can be used again.
- `latest` means the bundle of that name which was registered last.
- `Name@alias` means one version at a time. Moving an alias is one step: everybody sees the version before or after it.
- Every change of bundles, labels and aliases is in the audit log, with who made it.
- Deployments are recorded as `deployment_registry` says.

`tests/yatai/registry_contract.py` holds every registry to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bentoml.exceptions import NotFound
from bentoml.yatai.deployment_registry import DeploymentRegistry
from bentoml.yatai.models import SortBy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.types import Tag
    from bentoml.yatai.audit import AuditEntry, AuditQuery
    from bentoml.yatai.bundle_tree import BundleTree
    from bentoml.yatai.checkout_cache import HeldCheckout
    from bentoml.yatai.labels import LabelCondition
    from bentoml.yatai.models import Alias, AliasChange, Bento

DEFAULT_LIMIT = 40
LATEST = "latest"


@dataclass(frozen=True)
class BentoQuery:
    """Which bundles, in which order.

    Attributes:
        name: exact name of the service; None for every name.
        name_patterns: names that match one of these, where `*` stands for any characters.
        also_patterns: more of such patterns; the names match one in each group.
        search: words, each of which must be a part of name, version or a label (`key=value`); case does not count.
        conditions: label conditions, all of which must hold.
        sort_by: the column that decides the order; bundles of one name are sorted newest first.
        ascending: smallest (oldest) first.
        offset: bundles to skip, >= 0.
        limit: most bundles to return, >= 0; None for all.
        deleted: those that were deleted and can be restored, instead of those that are there.
    """

    name: str | None = None
    name_patterns: Sequence[str] = ("*",)
    also_patterns: Sequence[Sequence[str]] = ()
    search: str = ""
    conditions: Sequence[LabelCondition] = ()
    sort_by: SortBy = SortBy.CREATED_AT
    ascending: bool = False
    offset: int = 0
    limit: int | None = DEFAULT_LIMIT
    deleted: bool = False


def not_registered(tag: Tag | str, reason: str = "no such bundle is registered") -> NotFound:
    """The error of every registry for a bundle that it does not have."""
    return NotFound(f"BentoService {tag} not found - {NotFound.proto_status_code.name}:{reason}")


@runtime_checkable
class KeepsContents(Protocol):
    """A registry that can say at once which contents it has, and make files of them."""

    def kept_contents(self, tree: BundleTree) -> frozenset[str]:
        """Digests of those contents of a tree that are here already."""

    def fill(self, tree: BundleTree, directory: Path) -> None:
        """Make the files of a tree in a directory, all contents of which are here; they are not compared."""


class Registry(DeploymentRegistry, Protocol):
    """Where bundles are registered."""

    def staging(self) -> AbstractContextManager[Path]:
        """An empty directory to write a bundle into; it is gone after the block unless it was registered."""

    def register(self, staged: Path, metadata: BentoServiceMetadata) -> Bento:
        """Take in a complete bundle that was written to `staging()`.

        Raises:
            YataiServiceRpcAborted: the tag is taken.
        """

    def find(self, tag: Tag) -> Bento:
        """The bundle of a tag; the version may be `latest`, or an alias.

        Raises:
            NotFound: there is no such bundle, or its upload is not complete.
        """

    def list_bentos(self, query: BentoQuery) -> list[Bento]:
        """The bundles that match."""

    def count_bentos(self, query: BentoQuery) -> int:
        """How many bundles match, whatever offset and limit."""

    def matching_tags(self, query: BentoQuery) -> list[Tag]:
        """Tags of all records that match, those of failed and unfinished uploads included; no paging."""

    def set_labels(self, tag: Tag, labels: Mapping[str, str]) -> Bento:
        """Make `labels` the whole set of labels of a bundle.

        Raises:
            InvalidArgument: a label is not valid.
            NotFound: there is no such bundle.
        """

    def change_labels(self, tag: Tag, changed: Mapping[str, str], removed: Collection[str] = ()) -> Bento:
        """Set some labels of a bundle and remove others; the rest stays, also what others set meanwhile.

        Raises:
            InvalidArgument: a label is not valid.
            NotFound: there is no such bundle, or it has none of the labels to remove.
        """

    def set_alias(self, tag: Tag, alias: str) -> Alias:
        """Let an alias stand for a bundle; one that is there already is moved.

        Raises:
            InvalidArgument: it cannot be an alias.
            NotFound: there is no such bundle.
        """

    def remove_alias(self, name: str, alias: str) -> None:
        """Forget an alias; its history stays.

        Raises:
            NotFound: there is no such alias.
        """

    def list_aliases(self, name: str | None = None) -> list[Alias]:
        """The aliases of a name, or of all, sorted by name and alias."""

    def alias_history(self, name: str, alias: str | None = None) -> list[AliasChange]:
        """What an alias, or all aliases of a name, stood for, newest first."""

    def delete(self, tag: Tag, *, force: bool = False, purge: bool = False) -> None:
        """Remove a bundle, or what a failed upload has left; the version may be `latest`.

        Args:
            tag: the bundle.
            force: also when an alias stands for it, which goes, too, or a deployment is recorded of it, which stays.
            purge: for good, with all bundles of this tag that were deleted before.

        Raises:
            NotFound: there is no such record.
            YataiServiceRpcAborted: an alias stands for it, or a deployment that is not turned off is recorded of it.
        """

    def restore(self, tag: Tag) -> Bento:
        """Undo the deletion of a bundle; of several with this tag, of the one that was deleted last.

        Raises:
            NotFound: none can be restored.
            YataiServiceRpcAborted: the tag is taken again.
        """

    def list_audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Changes that match, newest first."""

    def fetch(self, bento: Bento, target: Path) -> None:
        """Copy the files of a bundle to `target`, which does not exist."""

    def reading(self, bento: Bento) -> AbstractContextManager[Path]:
        """A local directory with the files of a bundle, which nobody deletes within the block."""

    def hold(self, bento: Bento) -> HeldCheckout:
        """As `reading`, until it is released, or the process ends.

        A bundle that lies in a directory of the registry is not kept from being deleted; a copy is kept.
        """

    def place(self, bento: Bento, part: BundleTree, directory: Path) -> None:
        """Make files of a bundle in a directory, which is there; they may share their bytes with the registry.

        Each is compared with its digest.

        Args:
            bento: the bundle.
            part: those of its files that are to be made.
            directory: where.

        Raises:
            NotFound: there is no such bundle, or it has not all these contents.
            BundleIntegrityException: a file is not the one that was registered.
        """

    def tree(self, bento: Bento) -> BundleTree:
        """The list of the files of a bundle.

        Raises:
            NotFound: there is no such bundle.
        """
