"""What is written on bundles after they were saved: the part of `BentoRepository` about labels and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.yatai.arguments import as_tag

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bentoml.types import Tag
    from bentoml.yatai.models import Alias, AliasChange, Bento
    from bentoml.yatai.registry import Registry


class BundleMarks:
    """Changes labels and aliases of a registry's bundles."""

    _registry: Registry

    def set_labels(self, bento: str | Tag, labels: Mapping[str, str]) -> Bento:
        """Make `labels` the whole set of labels of a bundle.

        Raises:
            InvalidArgument: a label is not valid.
            NotFound: there is no such bundle.
        """
        return self._registry.set_labels(as_tag(bento), labels)

    def change_labels(self, bento: str | Tag, changed: Mapping[str, str], removed: Collection[str] = ()) -> Bento:
        """Set some labels of a bundle and remove others; the rest stays.

        Raises:
            InvalidArgument: a label is not valid.
            NotFound: there is no such bundle, or it has none of the labels to remove.
        """
        return self._registry.change_labels(as_tag(bento), changed, removed)

    def set_alias(self, bento: str | Tag, alias: str) -> Alias:
        """Let an alias stand for a bundle, so that `name@alias` means it; one that is there already is moved.

        Raises:
            InvalidArgument: it cannot be an alias.
            NotFound: there is no such bundle.
        """
        return self._registry.set_alias(as_tag(bento), alias)

    def remove_alias(self, bento_name: str, alias: str) -> None:
        """Forget an alias; its history stays.

        Raises:
            NotFound: there is no such alias.
        """
        self._registry.remove_alias(bento_name, alias)

    def aliases(self, bento_name: str | None = None) -> list[Alias]:
        """The aliases of a name, or of all, sorted by name and alias."""
        return self._registry.list_aliases(bento_name)

    def alias_history(self, bento_name: str, alias: str | None = None) -> list[AliasChange]:
        """What an alias, or all aliases of a name, stood for, newest first."""
        return self._registry.alias_history(bento_name, alias)
