"""The verbs that users call on bundles: they check arguments, name errors and log; the registry does the work."""

from __future__ import annotations

import dataclasses
import logging
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import (
    BentoMLException,
    NotFound,
    YataiRepositoryException,
    YataiServiceRpcAborted,
)
from bentoml.types import Tag
from bentoml.yatai.arguments import as_sort_by, as_tag, not_negative
from bentoml.yatai.bundle_deletion import BundleDeletion
from bentoml.yatai.bundle_marks import BundleMarks
from bentoml.yatai.bundle_transfer import BundleTransfer
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import Bento, SortBy
from bentoml.yatai.registry import DEFAULT_LIMIT, BentoQuery

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from bentoml.service import BentoService
    from bentoml.yatai.checkout_cache import HeldCheckout
    from bentoml.yatai.registry import Registry

logger = logging.getLogger(__name__)


class BentoRepository(BundleMarks, BundleDeletion, BundleTransfer):
    """Bundles of one registry.

    Args:
        registry: the registry.
        url: its address, without any secret; None for the registry of this machine.
        open_local: opens the registry of this machine, from where bundles are pushed and to where they are pulled.
    """

    def __init__(
        self, registry: Registry, url: str | None = None, open_local: Callable[[], Registry] | None = None
    ) -> None:
        self._registry = registry
        self._open_local = open_local or (lambda: registry)
        self.url = url

    def upload(
        self,
        bento_service: BentoService,
        version: str | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        lock: str | None = None,
    ) -> str:
        """Save a service as a bundle and register it.

        Args:
            bento_service: the service, with its artifacts packed.
            version: version to set on the service; None keeps the one it has, or generates one.
            labels: labels of the bundle.
            lock: see `save_to_dir`.

        Returns:
            The path of the registered bundle.

        Raises:
            InvalidArgument: a label, the version or the lock is not valid.
            BentoMLException: the tag is registered already, or the bundle cannot be written.
        """
        from bentoml.saved_bundle import bundle_being_imported, save_to_dir
        from bentoml.service.naming import validate_labels

        validate_labels(labels)
        loading = bundle_being_imported()
        if loading is not None:
            # The service's module is a script that saves whenever it runs, and it runs to be loaded.
            logger.warning(
                "%s is being loaded from %s, and its module saves a service when it is imported; nothing was saved. "
                'Put the code that packs and saves under `if __name__ == "__main__":`',
                bento_service.name,
                loading,
            )
            return str(loading)
        if version is not None:
            bento_service.set_version(version)
        problem = self._problem_with(Tag(bento_service.name, bento_service.version))
        with self._registry.staging() as staged:
            save_to_dir(bento_service, str(staged), silent=True, lock=lock)
            with self._kept_when_not_sent(staged, labels):
                if problem is not None:
                    raise problem
                return self._register(staged, labels)

    def upload_from_dir(self, saved_bento_path: str | Path, labels: Mapping[str, str] | None = None) -> str:
        """Register a bundle that lies in a directory; the directory itself is left as it is.

        Args:
            saved_bento_path: directory of the bundle.
            labels: labels of the bundle.

        Returns:
            The path of the registered copy.

        Raises:
            InvalidArgument: a label is not valid.
            BundleIntegrityException: a file is not the one that was saved.
            BentoMLException: the directory is not a bundle, or its tag is registered already.
        """
        from bentoml.saved_bundle import load_saved_bundle_config
        from bentoml.service.naming import validate_labels

        validate_labels(labels)
        source = Path(saved_bento_path)
        manifest = load_saved_bundle_config(source)
        self._check_free(Tag(manifest.service_name, manifest.service_version))
        if not (source / manifest.service_name).is_dir():
            raise BentoMLException(f"{source} is not a whole bundle: it has no directory {manifest.service_name}")
        with self._registry.staging() as staged:
            _copy_verified(source, staged, manifest.other_entries)
            return self._register(staged, labels)

    def get(self, bento: str | Tag) -> Bento:
        """The record of a bundle.

        Args:
            bento: `name:version`, `name:latest` or `name@alias`.

        Raises:
            InvalidArgument: the version is missing.
            NotFound: `BentoService name:version not found - ...`.
        """
        return self._registry.find(as_tag(bento))

    def list(
        self,
        bento_name: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
        order_by: SortBy | str | None = None,
        ascending_order: bool | None = None,
        labels: str | None = None,
        search: str | None = None,
        deleted: bool = False,
    ) -> builtins.list[Bento]:
        """Registered bundles, newest first unless asked otherwise.

        Args:
            bento_name: exact name of the service; None for all.
            offset: bundles to skip.
            limit: most bundles to return; None for 40.
            order_by: `created_at` or `name`; None for `created_at`.
            ascending_order: oldest (or first in the alphabet) first.
            labels: label query, such as `team=vision, stage NotIn (dev, test)`.
            search: words, each of which must be a part of name, version or a label; case does not count.
            deleted: those that were deleted and can be restored, instead of those that are there.

        Raises:
            InvalidArgument: an argument is out of range or the label query is malformed.
        """
        query = BentoQuery(
            name=bento_name or None,
            conditions=parse_label_query(labels),
            sort_by=as_sort_by(order_by),
            ascending=bool(ascending_order),
            offset=not_negative("offset", offset, default=0),
            limit=not_negative("limit", limit, default=DEFAULT_LIMIT),
            search=search or "",
            deleted=deleted,
        )
        return self._registry.list_bentos(query)

    def load(self, bento: str | Tag | Bento | Path) -> BentoService:
        """Load a service, ready to use.

        Args:
            bento: `name:version`, `name:latest`, `name@alias`, a record, or the directory or address of a bundle.

        Raises:
            NotFound: there is no such bundle.
            BentoMLException: the bundle cannot be loaded.
        """
        from bentoml.saved_bundle import load
        from bentoml.storage.address import is_address

        if isinstance(bento, Path) or (isinstance(bento, str) and (Path(bento).is_dir() or is_address(bento))):
            return load(bento)
        found = bento if isinstance(bento, Bento) else self.get(bento)
        with self.reading(found) as path:
            service = load(path)
            held = self.hold(found)
        # It may read files for as long as it lives.
        weakref.finalize(type(service), held.release)
        return service

    def reading(self, bento: str | Tag | Bento) -> AbstractContextManager[Path]:
        """A local directory with the files of a bundle, which nobody deletes within the block."""
        return self._registry.reading(bento if isinstance(bento, Bento) else self.get(bento))

    def hold(self, bento: str | Tag | Bento) -> HeldCheckout:
        """The same, until it is released, or the process ends."""
        return self._registry.hold(bento if isinstance(bento, Bento) else self.get(bento))

    def containerize(
        self, bento: str | Tag, tag: str | None = None, build_args: Mapping[str, str] | None = None, push: bool = False
    ) -> str:
        """Build the image of a bundle and return its name; see `bentoml.deploy.container.containerize`."""
        from bentoml.deploy.container import ImageOptions, containerize

        with self.reading(bento) as files:
            return containerize(files, ImageOptions(tag=tag, push=push, build_args=build_args or {}))

    def download_to_directory(self, bento: str | Tag | Bento, target_dir: str | Path) -> None:
        """Copy the files of a bundle to a directory that does not exist yet.

        Raises:
            NotFound: there is no such bundle.
            YataiRepositoryException: the directory exists, or cannot be written.
        """
        target = Path(target_dir)
        if target.exists():
            raise YataiRepositoryException(f"Target directory {target} exists already; name one that does not")
        self._registry.fetch(bento if isinstance(bento, Bento) else self.get(bento), target)

    def _register(self, staged: Path, labels: Mapping[str, str] | None) -> str:
        """Register a complete bundle; `labels` None keeps those of its manifest, if it has any."""
        from bentoml.saved_bundle import load_bento_service_metadata

        metadata = load_bento_service_metadata(staged)
        if labels is not None:
            metadata = dataclasses.replace(metadata, labels=dict(labels))
        try:
            bento = self._registry.register(staged, metadata)
        except YataiServiceRpcAborted as error:
            raise _already_registered(Tag(metadata.name, metadata.version)) from error
        where = "" if self.url is None else f" of {self.url}"
        logger.info("BentoService bundle '%s' saved to: %s%s", bento.tag, bento.uri.uri, where)
        return bento.uri.uri

    def _problem_with(self, tag: Tag) -> BentoMLException | None:
        """Why a bundle cannot be sent, as far as can be told before it is written.

        Raises:
            YataiServiceRpcAborted: the tag is taken.
            BentoMLException: the registry of this machine cannot be used.
        """
        try:
            self._check_free(tag)
        except YataiServiceRpcAborted:
            raise
        except BentoMLException as error:
            if self.url is None:
                raise
            return error
        return None

    def _check_free(self, tag: Tag) -> None:
        """Refuse a tag that is taken before a bundle is written for it."""
        try:
            self._registry.find(tag)
        except NotFound:
            return
        raise _already_registered(tag)


def _copy_verified(source: Path, staged: Path, other_entries: Sequence[str]) -> None:
    """Copy a bundle, then compare the copy with the digests that were saved, if there are any."""
    from bentoml.saved_bundle.integrity import has_digests, verify_listed, verify_unlisted
    from bentoml.yatai.trees import copy_tree

    try:
        copy_tree(source, staged)
    except OSError as error:
        raise YataiRepositoryException(f"Bundle {source} cannot be copied: {error}") from error
    if has_digests(staged):
        verify_unlisted(staged, verify_listed(staged).names, other_entries)


def _already_registered(tag: Tag) -> YataiServiceRpcAborted:
    return YataiServiceRpcAborted(
        f"BentoService bundle {tag} already registered in repository. Reset BentoService version with "
        "BentoService#set_version before saving again, or delete the registered bundle first"
    )
