"""The files of a bundle as pages need them: which there are, and the content of small ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import NotFound, YataiRepositoryException
from bentoml.saved_bundle import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.yatai.bundle_tree import BundleTree, TreeEntry
    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call

_LARGEST_DOCUMENT_BYTES = 8 << 20


@dataclass
class BundleFiles:
    """The files of one bundle.

    Attributes:
        call: the request that they are shown for.
        bento: whose they are.
    """

    call: Call
    bento: Bento

    @cached_property
    def tree(self) -> BundleTree:
        """All of them.

        Raises:
            BentoMLException: they are missing, or not those that were saved.
        """
        return self.call.core.trees.of(self.bento)

    @cached_property
    def by_path(self) -> Mapping[str, TreeEntry]:
        """The entries of the tree by their paths."""
        return {entry.path: entry for entry in self.tree}

    def read(self, path: str) -> bytes:
        """The content of a file, whole.

        Raises:
            NotFound: there is none of that path.
            YataiRepositoryException: it is too large to be looked at.
        """
        entry = self.by_path.get(path)
        if entry is None:
            raise NotFound(f"{self.bento.tag} has no file {path}")
        if entry.size_bytes > _LARGEST_DOCUMENT_BYTES:
            raise YataiRepositoryException(f"{path} is too large to be shown")
        with self.call.core.registry.reading(self.bento) as directory:
            return (directory / entry.path).read_bytes()

    def find(self, path: str) -> bytes | None:
        """The content of a file that may not be there."""
        return self.read(path) if path in self.by_path else None

    def openapi(self) -> Mapping[str, Any]:
        """The OpenAPI document; empty when there is none that can be read."""
        try:
            document = json.loads(self.find(layout.OPENAPI_DOCUMENT) or b"{}")
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def manifest(self) -> Mapping[str, Any]:
        """What `bentoml.yml` says; empty when it cannot be read."""
        import yaml

        try:
            text = self.find(layout.MANIFEST) or b"{}"
            document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        except (yaml.YAMLError, ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}
