"""Bundles that go, and come back: the part of `BentoRepository` about it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument, NotFound
from bentoml.types import Tag
from bentoml.yatai.arguments import as_tag, single_target
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.registry import BentoQuery, not_registered

if TYPE_CHECKING:
    from bentoml.yatai.models import Bento
    from bentoml.yatai.registry import Registry

logger = logging.getLogger(__name__)


class BundleDeletion:
    """Deletes bundles of a registry, and restores them."""

    _registry: Registry

    def delete(
        self,
        bento_tag: str | Tag | None = None,
        labels: str | None = None,
        bento_name: str | None = None,
        bento_version: str | None = None,
        prune: bool = False,
        require_confirm: bool = False,
        force: bool = False,
        purge: bool = False,
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
            force: also those that an alias stands for, which goes, too, and those that are deployed.
            purge: for good, together with what was deleted before; otherwise `restore` brings them back for some days.

        Raises:
            InvalidArgument: nothing says what to delete.
            BentoMLException: `Too much arguments`: a tag together with a name or version.
            NotFound: the tag or the name does not exist.
            YataiServiceRpcAborted: an alias stands for the bundle, or it is deployed.
        """
        one = single_target(bento_tag, labels, bento_name, bento_version)
        conditions = parse_label_query(labels)
        if one is not None:
            if not one.is_exact:
                one = Tag(one.name, self._registry.find(one).version)
            self._delete(one, require_confirm, force=force, purge=purge)
            return
        if not (bento_name or conditions or prune):
            raise InvalidArgument(
                "Say what to delete: a tag name:version, a name, a label query, or prune=True for every bundle"
            )
        query = BentoQuery(name=bento_name or None, conditions=conditions, limit=None)
        tags = self._registry.matching_tags(query)
        if purge:
            tags = list(dict.fromkeys([*tags, *self._registry.matching_tags(replace(query, deleted=True))]))
        if bento_name and not conditions and not tags:
            raise not_registered(bento_name, "no bundle of that name is registered")
        if not tags:
            logger.info("No saved Bento bundle matches, nothing was deleted")
        for tag in tags:
            self._delete_if_present(tag, require_confirm, force=force, purge=purge)

    def restore(self, bento: str | Tag) -> Bento:
        """Undo the deletion of a bundle; of several with this tag, of the one that was deleted last.

        Args:
            bento: `name:version`.

        Raises:
            InvalidArgument: it names no version.
            NotFound: none can be restored.
            YataiServiceRpcAborted: the tag is taken again.
        """
        tag = as_tag(bento)
        if not tag.is_exact:
            raise InvalidArgument(f"{tag} names no version; write name:version, as `bentoml list --deleted` shows it")
        restored = self._registry.restore(tag)
        logger.info("Restored Bento bundle %s", restored.tag)
        return restored

    def _delete(self, tag: Tag, require_confirm: bool, *, force: bool, purge: bool) -> None:
        if require_confirm and not _confirm(f"Permanently delete {tag}?"):
            return
        logger.info("Deleting saved Bento bundle %s", tag)
        self._registry.delete(tag, force=force, purge=purge)

    def _delete_if_present(self, tag: Tag, require_confirm: bool, *, force: bool, purge: bool) -> None:
        """Delete a bundle of a list; another process may have been quicker."""
        try:
            self._delete(tag, require_confirm, force=force, purge=purge)
        except NotFound:
            logger.info("BentoService %s was deleted by another process in the meantime", tag)


def _confirm(question: str) -> bool:
    """Ask on the terminal; no answer means no."""
    try:
        return input(f"{question} [y/N]: ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False
