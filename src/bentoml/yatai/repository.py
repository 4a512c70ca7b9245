"""The verbs that users call on bundles: they check arguments, name errors and log; the registry does the work."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import (
    BentoMLException,
    InvalidArgument,
    NotFound,
    YataiRepositoryException,
    YataiServiceRpcAborted,
)
from bentoml.types import Tag
from bentoml.yatai.arguments import as_sort_by, as_tag, not_negative, single_target
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import Bento, SortBy
from bentoml.yatai.registry import DEFAULT_LIMIT, LATEST, BentoQuery, not_registered

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from bentoml.service import BentoService
    from bentoml.yatai.registry import Registry

logger = logging.getLogger(__name__)


class BentoRepository:
    """Bundles of one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

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
        tag = Tag(bento_service.name, bento_service.version)
        self._check_free(tag)
        with self._registry.staging() as staged:
            save_to_dir(bento_service, str(staged), silent=True, lock=lock)
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
            bento: `name:version` or `name:latest`.

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
    ) -> builtins.list[Bento]:
        """Registered bundles, newest first unless asked otherwise.

        Args:
            bento_name: exact name of the service; None for all.
            offset: bundles to skip.
            limit: most bundles to return; None for 40.
            order_by: `created_at` or `name`; None for `created_at`.
            ascending_order: oldest (or first in the alphabet) first.
            labels: label query, such as `team=vision, stage NotIn (dev, test)`.

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
        )
        return self._registry.list_bentos(query)

    def load(self, bento: str | Tag | Bento | Path) -> BentoService:
        """Load a service, ready to use.

        Args:
            bento: `name:version`, `name:latest`, a record, or the directory or address of a bundle.

        Raises:
            NotFound: there is no such bundle.
            BentoMLException: the bundle cannot be loaded.
        """
        from bentoml.saved_bundle import load
        from bentoml.storage.address import is_address

        if isinstance(bento, Path) or (isinstance(bento, str) and (Path(bento).is_dir() or is_address(bento))):
            return load(bento)
        with self.reading(bento) as path:
            return load(path)

    def reading(self, bento: str | Tag | Bento) -> AbstractContextManager[Path]:
        """A local directory with the files of a bundle, which nobody deletes within the block."""
        return self._registry.reading(bento if isinstance(bento, Bento) else self.get(bento))

    def containerize(
        self, bento: str | Tag, tag: str | None = None, build_args: Mapping[str, str] | None = None, push: bool = False
    ) -> str:
        """Build the image of a bundle and return its name; see `bentoml.deploy.container.containerize`."""
        from bentoml.deploy.container import ImageOptions, containerize

        with self.reading(bento) as files:
            return containerize(files, ImageOptions(tag=tag, push=push, build_args=build_args or {}))

    def delete(
        self,
        bento_tag: str | Tag | None = None,
        labels: str | None = None,
        bento_name: str | None = None,
        bento_version: str | None = None,
        prune: bool = False,
        require_confirm: bool = False,
    ) -> None:
        """Delete one bundle, or all that match.

        Records of failed uploads are deleted like bundles.

        Args:
            bento_tag: `name:version` of one bundle.
            labels: label query; deletes all bundles that match.
            bento_name: deletes all versions of this name (that match `labels`), or only `bento_version`.
            bento_version: the one version of `bento_name` to delete.
            prune: allow deletion without any of the above, which means every bundle.
            require_confirm: ask on the terminal before each deletion.

        Raises:
            InvalidArgument: nothing says what to delete.
            BentoMLException: `Too much arguments`: a tag together with a name or version.
            NotFound: the tag or the name does not exist.
        """
        one = single_target(bento_tag, labels, bento_name, bento_version)
        conditions = parse_label_query(labels)
        if one is not None:
            if one.version.lower() == LATEST:
                one = Tag(one.name, self._registry.find(one).version)
            self._delete(one, require_confirm)
            return
        if not (bento_name or conditions or prune):
            raise InvalidArgument(
                "Say what to delete: a tag name:version, a name, a label query, or prune=True for every bundle"
            )
        tags = self._registry.matching_tags(BentoQuery(name=bento_name or None, conditions=conditions, limit=None))
        if bento_name and not conditions and not tags:
            raise not_registered(bento_name, "no bundle of that name is registered")
        if not tags:
            logger.info("No saved Bento bundle matches, nothing was deleted")
        for tag in tags:
            self._delete_if_present(tag, require_confirm)

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
        logger.info("BentoService bundle '%s' saved to: %s", bento.tag, bento.uri.uri)
        return bento.uri.uri

    def _check_free(self, tag: Tag) -> None:
        """Refuse a tag that is taken before a bundle is written for it."""
        try:
            self._registry.find(tag)
        except NotFound:
            return
        raise _already_registered(tag)

    def _delete(self, tag: Tag, require_confirm: bool) -> None:
        if require_confirm and not _confirm(f"Permanently delete {tag}?"):
            return
        logger.info("Deleting saved Bento bundle %s", tag)
        self._registry.delete(tag)

    def _delete_if_present(self, tag: Tag, require_confirm: bool) -> None:
        """Delete a bundle of a list; another process may have been quicker."""
        try:
            self._delete(tag, require_confirm)
        except NotFound:
            logger.info("BentoService %s was deleted by another process in the meantime", tag)


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


def _confirm(question: str) -> bool:
    """Ask on the terminal; no answer means no."""
    try:
        return input(f"{question} [y/N]: ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _already_registered(tag: Tag) -> YataiServiceRpcAborted:
    return YataiServiceRpcAborted(
        f"BentoService bundle {tag} already registered in repository. Reset BentoService version with "
        "BentoService#set_version before saving again, or delete the registered bundle first"
    )
