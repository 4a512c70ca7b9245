from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.types import Tag
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.collection import Collector
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.repository import BentoRepository
from bentoml.yatai.schema import bentos, blobs, trees, uploads
from bentoml.yatai.sqlite_database import SqliteDatabase
from bentoml.yatai.tree_reading import read_tree

NOW = timedelta(0)
WriteBundle = Callable[..., Path]


class Place:
    """One registry, its halves within reach."""

    def __init__(self, home: Path, keep_deleted: timedelta = timedelta(days=7)) -> None:
        self.database = SqliteDatabase(home / "storage.db")
        self.blobs = FileSystemBlobStore(home / "repository")
        self.registry = LocalRegistry(self.database, self.blobs, keep_deleted=keep_deleted)
        self.repository = BentoRepository(self.registry)
        self.collector = Collector(self.database, self.blobs.contents)

    def kept(self) -> set[str]:
        return {entry.key for entry in self.blobs.contents.entries()}

    def known(self) -> set[str]:
        with self.database.write() as connection:
            return set(connection.execute(sa.select(blobs.c.key)).scalars())

    def check(self) -> None:
        """Every bundle is whole, and all contents that it names are there."""
        with self.database.write() as connection:
            sizes = {row.digest: (row.key, row.size_bytes) for row in connection.execute(sa.select(blobs))}
        for bento in self.repository.list(limit=1000):
            tree = read_tree(Path(bento.uri.uri), verify=True)
            assert self.registry.tree(bento) == tree
            for digest, size_bytes in tree.contents.items():
                key, known_bytes = sizes[digest]
                found = self.blobs.contents.find(key)
                assert found is not None
                assert found.size_bytes == known_bytes == size_bytes


@pytest.fixture
def place(bentoml_home: Path) -> Place:
    return Place(bentoml_home)


def test_contents_of_a_purged_bundle_go_and_those_it_shares_stay(place: Place, write_bundle: WriteBundle) -> None:
    for version in "12":
        place.repository.upload_from_dir(write_bundle(version=version))
    before = place.kept()
    place.registry.delete(Tag("Iris", "1"), purge=True)
    assert len(before - place.kept()) == 1, "the manifest, the rest is shared"
    assert place.kept() == place.known()
    place.check()
    place.registry.delete(Tag("Iris", "2"), purge=True)
    assert place.kept() == place.known() == set()
    with place.database.write() as connection:
        assert connection.execute(sa.select(trees)).all() == []


def test_contents_of_a_deleted_bundle_stay_until_it_is_purged(place: Place, write_bundle: WriteBundle) -> None:
    place.repository.upload_from_dir(write_bundle())
    before = place.kept()
    place.repository.delete("Iris:1")
    assert place.collector.collect(NOW).contents == 0
    assert place.kept() == before
    place.registry.restore(Tag("Iris", "1"))
    place.check()


def test_purge_of_what_was_deleted_long_ago_frees_its_space(
    place: Place, write_bundle: WriteBundle, bentoml_home: Path
) -> None:
    place.repository.upload_from_dir(write_bundle())
    place.repository.delete("Iris:1")
    assert place.kept()
    later = Place(bentoml_home, keep_deleted=timedelta(0))
    later.registry.clear_away()
    assert later.kept() == later.known() == set()


def test_bundles_that_another_catalog_knows_stay(place: Place, write_bundle: WriteBundle, bentoml_home: Path) -> None:
    """As where the server has a catalog in PostgreSQL, and somebody collects with the one of the home."""
    place.repository.upload_from_dir(write_bundle())
    before = place.kept()
    wrong = Place(bentoml_home)
    wrong.database = SqliteDatabase(bentoml_home / "other.db")
    with wrong.database.write():
        pass
    assert Collector(wrong.database, wrong.blobs.contents).collect(NOW).orphans == 0
    assert place.kept() == before
    place.check()


def test_orphans_go_when_they_are_old_enough(place: Place, write_bundle: WriteBundle, tmp_path: Path) -> None:
    place.repository.upload_from_dir(write_bundle())
    known = place.kept()
    (tmp_path / "lost").write_bytes(b"lost")
    orphan = place.blobs.contents.take(tmp_path / "lost", f"sha256:{'a' * 64}")
    (tmp_path / "lost").unlink()
    assert place.collector.collect().orphans == 0
    assert orphan in place.kept()
    tomorrow = Collector(place.database, place.blobs.contents, lambda: datetime.now(timezone.utc) + timedelta(hours=25))
    planned = tomorrow.collect(dry_run=True)
    assert (planned.orphans, planned.orphan_bytes) == (1, 4)
    assert orphan in place.kept()
    assert tomorrow.collect() == planned
    assert place.kept() == known == place.known()


def test_contents_of_an_open_upload_stay_until_it_expires(place: Place, write_bundle: WriteBundle) -> None:
    place.repository.upload_from_dir(write_bundle())
    tree = place.registry.tree(place.repository.get("Iris:1"))
    now = datetime.now(timezone.utc)
    values = {
        "id": "0" * 32,
        "name": "Iris",
        "version": "2",
        "tree_digest": tree.digest,
        "document": {"tree": tree.to_json(), "labels": {}},
        "created_by": "",
        "created_at": now,
        "expires_at": now + timedelta(hours=1),
    }
    with place.database.write() as connection:
        connection.execute(sa.insert(uploads).values(values))
    place.registry.delete(Tag("Iris", "1"), purge=True)
    assert place.kept() == place.known()
    assert len(place.kept()) == len(tree.contents)
    later = Collector(place.database, place.blobs.contents, lambda: now + timedelta(hours=2))
    report = later.collect()
    assert (report.contents, report.content_bytes, report.uploads) == (
        len(tree.contents),
        sum(tree.contents.values()),
        1,
    )
    assert place.kept() == place.known() == set()


def test_collection_of_an_empty_registry_does_nothing(place: Place, bentoml_home: Path) -> None:
    assert place.collector.collect() == place.collector.collect(dry_run=True)
    assert list(bentoml_home.iterdir()) == []


def churn(home: Path, bundles: list[Path], seed: str) -> None:
    """Save, delete, restore and purge at random."""
    dice = random.Random(seed)
    place = Place(home)
    for _ in range(12):
        version = dice.randrange(len(bundles))
        tag = Tag("Iris", str(version))
        step = dice.choice(["save", "save", "purge", "delete", "restore"])
        try:
            if step == "save":
                place.repository.upload_from_dir(bundles[version])
            elif step == "restore":
                place.registry.restore(tag)
            else:
                place.registry.delete(tag, purge=step == "purge")
        except (NotFound, YataiServiceRpcAborted):
            continue


class Threads:
    """Threads, all of which have to end well."""

    def __init__(self) -> None:
        self._failures: list[BaseException] = []

    def start(self, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - every failure of a thread fails the test
                self._failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def check(self) -> None:
        assert self._failures == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.timeout(300)
def test_nothing_is_lost_when_bundles_come_and_go_while_contents_are_collected(
    bentoml_home: Path, write_bundle: WriteBundle, seed: int
) -> None:
    bundles = []
    for number in range(5):
        bundle = write_bundle(version=str(number))
        (bundle / "Iris" / "artifacts" / "model.pkl").write_bytes(bytes([number % 2]) * 1000)
        (bundle / f"own-{number}.txt").write_text(str(number))
        bundles.append(bundle)
    threads, is_over = Threads(), threading.Event()

    def collect() -> None:
        while not is_over.is_set():
            Place(bentoml_home).collector.collect()

    collecting = threads.start(collect)
    for thread in [threads.start(partial(churn, bentoml_home, bundles, f"{seed} {number}")) for number in range(3)]:
        thread.join()
    is_over.set()
    collecting.join()
    threads.check()
    place = Place(bentoml_home)
    place.check()
    place.collector.collect(NOW)
    place.check()
    with place.database.write() as connection:
        named = set(connection.execute(sa.select(bentos.c.tree_digest).where(~bentos.c.purged)).scalars()) - {None}
        assert set(connection.execute(sa.select(trees.c.digest)).scalars()) == named
    assert place.kept() == place.known()
