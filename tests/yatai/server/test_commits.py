"""Two commits of one upload at once: the first took longer than its client, or a proxy, had patience."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from bentoml.types import Tag
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.database_address import open_database
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.models import Bento
from bentoml.yatai.server.errors import RequestRefused
from bentoml.yatai.server.receiver import Upload
from bentoml.yatai.server.trees import Trees
from bentoml.yatai.server.uploads import Uploads
from bentoml.yatai.tree_reading import read_tree
from tests.yatai.server.bundles import content_of, write_bundle


class Interrupted(LocalRegistry):
    """A registry where another commit comes to its end just before the files of the first are put together."""

    uploads: Uploads
    upload: Upload
    of_other: Bento
    is_interrupted = False

    def fill(self, tree: BundleTree, directory: Path) -> None:
        if not self.is_interrupted:
            self.is_interrupted = True
            self.of_other = self.uploads.commit(self.upload, "bob")
        super().fill(tree, directory)


def test_commit_when_another_one_ends_meanwhile_is_to_be_asked_again(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path)
    tree = read_tree(bundle)
    with closing(open_database(None, tmp_path / "storage.db")) as database:
        registry = Interrupted(database, FileSystemBlobStore(tmp_path / "repository"))
        uploads = Uploads(database, registry, Trees(registry), tmp_path / "uploads", 1 << 30)
        begun = uploads.begin(Tag("Iris", "1"), json.loads(tree.document), None, "ann")
        assert isinstance(begun, Upload)
        for item in uploads.missing(begun):
            with uploads.receiving(begun, item.digest, 0) as receiver:
                receiver.take(content_of(bundle, tree, item.digest))
                receiver.finish()
        registry.uploads, registry.upload = uploads, begun
        with pytest.raises(RequestRefused, match="Another request ends this upload") as refused:
            uploads.commit(begun, "ann")
        assert refused.value.http_status == 503
        assert uploads.commit(begun, "ann") == registry.of_other == registry.find(Tag("Iris", "1"))
