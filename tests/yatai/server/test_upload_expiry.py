"""When uploads are given up, by a clock that the tests move."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from bentoml.exceptions import NotFound
from bentoml.types import Tag
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.database import Database
from bentoml.yatai.database_address import open_database
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.models import Bento
from bentoml.yatai.server.receiver import Upload
from bentoml.yatai.server.trees import Trees
from bentoml.yatai.server.uploads import KEPT, KEPT_AFTER_COMMIT, Uploads
from bentoml.yatai.tree_reading import read_tree
from tests.yatai.server.bundles import content_of, digest_of, write_bundle

MODEL = b"x" * 1000
SECOND = timedelta(seconds=1)


class Setting:
    """Uploads into a registry below a directory, and a bundle to be uploaded."""

    def __init__(self, database: Database, root: Path) -> None:
        registry = self.registry = LocalRegistry(database, FileSystemBlobStore(root / "repository"))
        self.now = datetime(2024, 5, 1, tzinfo=timezone.utc)
        self.directory = root / "uploads"
        self.uploads = Uploads(database, registry, Trees(registry), self.directory, 1 << 30, lambda: self.now)
        self.bundle = write_bundle(root, model=MODEL)
        self.tree = read_tree(self.bundle)

    def begin(self) -> Upload:
        begun = self.uploads.begin(Tag("Iris", "1"), json.loads(self.tree.document), None, "ann")
        assert isinstance(begun, Upload)
        return begun

    def send(self, upload: Upload, digest: str, data: bytes, offset: int = 0) -> None:
        with self.uploads.receiving(upload, digest, offset) as receiver:
            receiver.take(data)
            receiver.finish()
        self.uploads.keep_longer(upload)

    def send_all(self, upload: Upload) -> None:
        for item in self.uploads.missing(upload):
            self.send(upload, item.digest, content_of(self.bundle, self.tree, item.digest)[item.offset :], item.offset)


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    with closing(open_database(None, tmp_path / "storage.db")) as database:
        yield Setting(database, tmp_path)


def test_upload_lasts_a_day_after_the_last_byte(setting: Setting) -> None:
    upload = setting.begin()
    setting.now += KEPT - SECOND
    setting.send(upload, digest_of(MODEL), MODEL[:600])
    setting.now += KEPT - SECOND
    assert setting.uploads.find(upload.id).tag == upload.tag
    again = setting.begin()
    assert again.id == upload.id
    assert {item.offset for item in setting.uploads.missing(again) if item.digest == digest_of(MODEL)} == {600}


def test_upload_is_given_up_after_a_day_without_a_byte(setting: Setting) -> None:
    upload = setting.begin()
    setting.send(upload, digest_of(MODEL), MODEL[:600])
    setting.now += KEPT
    with pytest.raises(NotFound, match="given up; begin it again"):
        setting.uploads.find(upload.id)
    again = setting.begin()
    assert again.id != upload.id
    assert {item.offset for item in setting.uploads.missing(again)} == {0}
    assert [path.name for path in setting.directory.iterdir()] == []


def test_sweep_removes_what_has_come_of_those_that_are_over_and_of_no_other(setting: Setting, tmp_path: Path) -> None:
    over = setting.begin()
    setting.send(over, digest_of(MODEL), MODEL[:600])
    setting.now += timedelta(hours=12)
    other = write_bundle(tmp_path, "Other")
    kept = setting.uploads.begin(Tag("Other", "1"), json.loads(read_tree(other).document), None, "ann")
    assert isinstance(kept, Upload)
    setting.send(kept, digest_of(MODEL), MODEL[:10])
    setting.now += timedelta(hours=12)
    setting.uploads.sweep()
    assert [path.name for path in setting.directory.iterdir()] == [kept.id]
    assert setting.uploads.find(kept.id).id == kept.id


def test_sweep_removes_what_has_come_of_uploads_that_the_catalog_has_forgotten(setting: Setting) -> None:
    """As by `bentoml yatai gc`, which may run where the files are not."""
    over = setting.begin()
    setting.send(over, digest_of(MODEL), MODEL[:600])
    last_s = setting.now.timestamp()
    for path in (setting.directory / over.id, *(setting.directory / over.id).iterdir()):
        os.utime(path, (last_s, last_s))
    setting.now += KEPT
    assert setting.registry.collect().uploads == 1
    kept = setting.begin()
    setting.send(kept, digest_of(MODEL), MODEL[:10])
    setting.uploads.sweep()
    assert [path.name for path in setting.directory.iterdir()] == [kept.id]


def test_commit_can_be_asked_for_again_for_an_hour(setting: Setting) -> None:
    upload = setting.begin()
    setting.send_all(upload)
    bento = setting.uploads.commit(upload, "ann")
    assert (bento.tag, bento.created_by) == ("Iris:1", "ann")
    setting.now += KEPT_AFTER_COMMIT - SECOND
    assert setting.uploads.commit(setting.uploads.find(upload.id), "ann") == bento
    setting.now += SECOND
    with pytest.raises(NotFound):
        setting.uploads.find(upload.id)
    # What was made of it stays, and who uploads it once more is told of it.
    setting.uploads.sweep()
    begun = setting.uploads.begin(upload.tag, json.loads(setting.tree.document), None, "ann")
    assert isinstance(begun, Bento)
    assert begun.tree_digest == setting.tree.digest
