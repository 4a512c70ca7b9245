"""The lists of files of bundles, as long as the server runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bentoml._util.bounded_memo import BoundedMemo

if TYPE_CHECKING:
    from bentoml.yatai.bundle_tree import BundleTree
    from bentoml.yatai.models import Bento
    from bentoml.yatai.registry import Registry


class Trees:
    """The lists of files of bundles, made once for each.

    Args:
        registry: of the bundles.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: BoundedMemo[tuple[object, ...], BundleTree] = BoundedMemo(256)
        self._lock = threading.Lock()

    def of(self, bento: Bento) -> BundleTree:
        """The files of a bundle.

        Raises:
            NotFound: it was deleted.
            YataiRepositoryException: its files are missing or damaged.
        """
        key = (bento.name, bento.version, bento.created_at)
        found = self._known.get(key)
        if found is None:
            found = self._registry.tree(bento)
            with self._lock:
                self._known.keep(key, found)
        return found
