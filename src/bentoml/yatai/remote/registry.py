"""A registry on another machine, over HTTP; see `bentoml.yatai.registry` for what all registries promise."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from bentoml.exceptions import NotFound, YataiRepositoryException
from bentoml.types import Tag
from bentoml.yatai.alias_name import check_alias
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.checkout_cache import CheckoutCache
from bentoml.yatai.models import Alias
from bentoml.yatai.registry import not_registered
from bentoml.yatai.remote import answers
from bentoml.yatai.remote.answers import as_bento, read_as
from bentoml.yatai.remote.api import is_addressable, joined
from bentoml.yatai.remote.deployments import RemoteDeployments
from bentoml.yatai.remote.downloads import Downloads
from bentoml.yatai.remote.failures import nonsense
from bentoml.yatai.remote.partial_contents import PartialContents
from bentoml.yatai.remote.queries import MOST_AT_ONCE, gathered, query_of
from bentoml.yatai.remote.uploads import Upload
from bentoml.yatai.staging import StagingArea, StagingError
from bentoml.yatai.tree_reading import read_tree
from bentoml.yatai.trees import copy_bundle

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from bentoml.service.metadata import BentoServiceMetadata
    from bentoml.yatai.audit import AuditEntry, AuditQuery
    from bentoml.yatai.checkout_cache import HeldCheckout
    from bentoml.yatai.models import AliasChange, Bento
    from bentoml.yatai.registry import BentoQuery, KeepsContents
    from bentoml.yatai.remote.api import Api
    from bentoml.yatai.remote.progress import Progress
    from bentoml.yatai.remote.settings import RemoteSettings


class RemoteRegistry(RemoteDeployments):
    """A `Registry` that a server keeps. Make it with `open_registry`.

    Args:
        api: of the server.
        settings: how to speak to it.
        progress: is called with the bytes that are there and those of all, while files are sent or loaded.
        held: has contents that need not be loaded, such as a `LocalRegistry`.
    """

    def __init__(
        self,
        api: Api,
        settings: RemoteSettings,
        *,
        progress: Progress | None = None,
        held: KeepsContents | None = None,
    ) -> None:
        self._api = api
        self._settings = settings
        self._progress = progress
        root = settings.cache_root
        self._cache = CheckoutCache(root, settings.cache_max_bytes, compares=False)
        self._staging = StagingArea(root / ".outgoing")
        self._downloads = Downloads(api, settings, PartialContents(root / ".partial"), held, progress)

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._api.address.url

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """See `Registry`; the directory is removed with the block, whatever was registered."""
        try:
            self._staging.sweep()
            with self._staging.slot() as staged:
                yield staged
        except StagingError as error:
            raise YataiRepositoryException(
                f"{self._settings.cache_root} cannot be written: {error.cause}; check its permissions and free space, "
                "or name another directory with BENTOML_HOME"
            ) from error.cause

    def register(self, staged: Path, metadata: BentoServiceMetadata) -> Bento:
        """See `Registry`. Any directory will do; it stays as it is.

        What was sent before, also by a process that was killed, is not sent again for a day. All but the labels is
        what the manifest in the directory says.
        """
        tag = Tag(metadata.name, metadata.version)
        upload = Upload(self._api, self._settings, staged, read_tree(staged))
        return upload.make(tag, metadata.labels, self._progress)

    def find(self, tag: Tag) -> Bento:
        """See `Registry`."""
        found = self._bento(self._api.ask("GET", _path_of(tag)))
        if found.name != tag.name or (tag.is_exact and found.version != tag.version):
            raise nonsense(self._api.address, f"with {found.tag} when it was asked for {tag}")
        return found

    def list_bentos(self, query: BentoQuery) -> list[Bento]:
        """See `Registry`."""
        return gathered(query, self._some_bentos)

    def count_bentos(self, query: BentoQuery) -> int:
        """See `Registry`."""
        return self._page(replace(query, offset=0, limit=0), count=True).total or 0

    def matching_tags(self, query: BentoQuery) -> list[Tag]:
        """See `Registry`."""
        answer = self._api.ask("GET", "/tags", query=query_of(query))
        return [Tag(tag.name, tag.version) for tag in read_as(answers.Tags, answer, self._api.address).tags]

    def set_labels(self, tag: Tag, labels: Mapping[str, str]) -> Bento:
        """See `Registry`."""
        path = f"{_path_of(tag)}/labels"
        return self._bento(self._api.ask("PUT", path, document={"labels": dict(labels)}))

    def change_labels(self, tag: Tag, changed: Mapping[str, str], removed: Collection[str] = ()) -> Bento:
        """See `Registry`."""
        document = {"set": dict(changed), "remove": list(removed)}
        path = f"{_path_of(tag)}/labels"
        return self._bento(self._api.ask("PATCH", path, document=document, is_repeatable=not removed))

    def set_alias(self, tag: Tag, alias: str) -> Alias:
        """See `Registry`."""
        check_alias(alias)
        _path_of(tag)
        path = joined("aliases", tag.name, alias)
        return read_as(Alias, self._api.ask("PUT", path, document={"version": tag.version}), self._api.address)

    def remove_alias(self, name: str, alias: str) -> None:
        """See `Registry`."""
        if not is_addressable(name, alias):
            raise NotFound(f"{name} has no alias {alias}")
        self._api.ask("DELETE", joined("aliases", name, alias), is_repeatable=False)

    def list_aliases(self, name: str | None = None) -> list[Alias]:
        """See `Registry`."""
        if name is not None and not is_addressable(name):
            return []
        path = joined("aliases") if name is None else joined("aliases", name)
        return read_as(answers.Aliases, self._api.ask("GET", path), self._api.address).aliases

    def alias_history(self, name: str, alias: str | None = None) -> list[AliasChange]:
        """See `Registry`."""
        if not is_addressable(name):
            return []
        answer = self._api.ask("GET", joined("alias-history", name), query={"alias": alias})
        return read_as(answers.AliasHistory, answer, self._api.address).changes

    def delete(self, tag: Tag, *, force: bool = False, purge: bool = False) -> None:
        """See `Registry`. Purging takes the role admin."""
        self._api.ask("DELETE", _path_of(tag), query={"force": force, "purge": purge}, is_repeatable=False)

    def restore(self, tag: Tag) -> Bento:
        """See `Registry`."""
        return self._bento(self._api.ask("POST", f"{_path_of(tag)}/restore", is_repeatable=False))

    def list_audit(self, query: AuditQuery) -> list[AuditEntry]:
        """See `Registry`. It takes the role admin."""
        from bentoml.yatai.audit import AuditEntry

        found: list[AuditEntry] = []
        before = query.before_id
        asked = {name: getattr(query, name) for name in ("actor", "action", "resource_type", "resource")}
        while len(found) < query.limit:
            limits = {"before": before, "limit": min(query.limit - len(found), MOST_AT_ONCE)}
            answer = self._api.ask("GET", "/audit", query={**asked, **limits})
            page = read_as(answers.AuditPage, answer, self._api.address)
            found += [AuditEntry(**asdict(line)) for line in page.entries]
            if page.next_before is None or not page.entries:
                break
            before = page.next_before
        return found

    def fetch(self, bento: Bento, target: Path) -> None:
        """See `Registry`."""
        with self.reading(bento) as source:
            copy_bundle(source, target)

    @contextmanager
    def reading(self, bento: Bento) -> Iterator[Path]:
        """See `Registry` and `hold`."""
        held = self.hold(bento)
        try:
            yield held.path
        finally:
            held.release()

    def hold(self, bento: Bento) -> HeldCheckout:
        """See `Registry`. The files are loaded once, and kept below `$BENTOML_HOME/cache`.

        Raises:
            NotFound: there is no such bundle.
            BundleIntegrityException: the registry sends something else.
        """
        return self._cache.held(self.tree(bento), partial(self._downloads.fill, _tag_of(bento)))

    def place(self, bento: Bento, part: BundleTree, directory: Path) -> None:
        """See `Registry`."""
        _check_same(bento, self.find(_tag_of(bento)).tree_digest)
        self._downloads.fill(_tag_of(bento), part, directory)

    def tree(self, bento: Bento) -> BundleTree:
        """See `Registry`."""
        tree = BundleTree.parse(self._api.ask("GET", f"{_path_of(_tag_of(bento))}/tree"))
        _check_same(bento, tree.digest)
        return tree

    def close(self) -> None:
        """Close the connections; they open again when they are needed."""
        self._api.close()

    def _some_bentos(self, query: BentoQuery) -> tuple[list[Bento], bool]:
        page = self._page(query)
        return [as_bento(bundle, self._api.address) for bundle in page.bundles], page.next_offset is not None

    def _page(self, query: BentoQuery, *, count: bool = False) -> answers.BundlePage:
        pages = {"offset": query.offset, "limit": query.limit, "count": count}
        answer = self._api.ask("GET", "/bundles", query={**query_of(query), **pages})
        return read_as(answers.BundlePage, answer, self._api.address)

    def _bento(self, answer: bytes) -> Bento:
        return as_bento(read_as(answers.Bundle, answer, self._api.address), self._api.address)


def _tag_of(bento: Bento) -> Tag:
    return Tag(bento.name, bento.version)


def _check_same(bento: Bento, tree_digest: str | None) -> None:
    """See that the registry still means the same files by a tag.

    Raises:
        NotFound: it does not.
    """
    if None not in {bento.tree_digest, tree_digest} and bento.tree_digest != tree_digest:
        raise not_registered(bento.tag, "it was deleted, and its tag is that of other files now")


def _path_of(tag: Tag) -> str:
    """The path of a bundle.

    Raises:
        NotFound: no bundle can have this tag.
    """
    if not is_addressable(tag.name, tag.version):
        raise not_registered(tag)
    return joined("bundles", tag.name, tag.version)
