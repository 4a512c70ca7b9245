"""The files of a bundle as pages need them: which there are, and the content of small ones."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import NotFound, YataiRepositoryException
from bentoml.saved_bundle import layout
from bentoml.yatai.server.web.foreign_values import mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bentoml.yatai.bundle_tree import BundleTree, TreeEntry
    from bentoml.yatai.models import Bento
    from bentoml.yatai.server.call import Call

_LARGEST_DOCUMENT_BYTES = 8 << 20


@contextmanager
def files_of(call: Call, bento: Bento) -> Iterator[BundleFiles]:
    """The files of a bundle, which nobody deletes within the block.

    Raises:
        BentoMLException: they are missing, or not those that were saved.
    """
    tree = call.core.trees.of(bento)
    contents = call.core.registry.contents
    if contents.is_remote:

        def read(entry: TreeEntry) -> bytes:
            with contents.open(entry.digest) as stream:
                return b"".join(stream.chunks)

        yield BundleFiles(bento, tree, read)
        return
    with call.core.registry.reading(bento) as directory:
        yield BundleFiles(bento, tree, lambda entry: (directory / entry.path).read_bytes())


@dataclass(frozen=True)
class BundleFiles:
    """The files of one bundle.

    Attributes:
        bento: whose they are.
        tree: all of them.
        content_of: reads one of them.
    """

    bento: Bento
    tree: BundleTree
    content_of: Callable[[TreeEntry], bytes]

    def read(self, path: str) -> bytes:
        """The content of a file, whole.

        Raises:
            NotFound: there is none of that path.
            YataiRepositoryException: it is too large to be looked at.
        """
        entry = self.tree.find(path)
        if entry is None:
            raise NotFound(f"{self.bento.tag} has no file {path}")
        if entry.size_bytes > _LARGEST_DOCUMENT_BYTES:
            raise YataiRepositoryException(f"{path} is too large to be shown")
        return self.content_of(entry)

    def find(self, path: str) -> bytes | None:
        """The content of a file that may not be there."""
        return self.read(path) if self.tree.find(path) is not None else None

    def openapi(self) -> Mapping[str, Any]:
        """The OpenAPI document; empty when there is none that can be read."""
        try:
            document = json.loads(self.find(layout.OPENAPI_DOCUMENT) or b"{}")
        except (ValueError, RecursionError):
            return {}
        return mapping(document)

    def manifest(self) -> Mapping[str, Any]:
        """What `bentoml.yml` says; empty when it cannot be read."""
        import yaml

        try:
            text = self.find(layout.MANIFEST) or b"{}"
            document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        except (yaml.YAMLError, ValueError, RecursionError):
            return {}
        return mapping(document)
