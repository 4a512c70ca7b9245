"""Bundles on their way to a live registry and back."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bentoml.exceptions import BundleIntegrityException, NotFound, YataiServiceRpcAborted
from bentoml.saved_bundle import load_bento_service_metadata
from bentoml.types import Tag
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.models import Bento
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from bentoml.yatai.sqlite_database import SqliteDatabase
from bentoml.yatai.tree_reading import read_tree
from tests.yatai.server.bundles import write_bundle
from tests.yatai.server.live_registry import LiveRegistry


class Progress:
    """What was reported."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        self.seen.append((done_bytes, total_bytes))


def register(registry: RemoteRegistry, directory: Path) -> Bento:
    return registry.register(directory, load_bento_service_metadata(directory))


def opened(server: LiveRegistry, home: Path, **options: object) -> RemoteRegistry:
    return open_registry(server.url, RemoteSettings(cache_directory=home), **options)  # type: ignore[arg-type]


def test_register_sends_what_the_registry_lacks_and_tells_how_far_it_is(
    server: LiveRegistry, tmp_path: Path, client_home: Path
) -> None:
    progress = Progress()
    registry = opened(server, client_home, progress=progress)
    model = os.urandom(3 << 20)
    register(registry, write_bundle(tmp_path, "Shared", "1", model))
    assert progress.seen[0][0] == 0
    assert progress.seen[-1][0] == progress.seen[-1][1] > len(model)
    assert all(0 <= done <= total for done, total in progress.seen)

    progress.seen.clear()
    second = write_bundle(tmp_path, "Shared", "2", model)
    made = register(registry, second)
    assert progress.seen[-1] == ((second / "bentoml.yml").stat().st_size,) * 2
    assert made.tree_digest == read_tree(second).digest
    assert made == registry.find(Tag("Shared", "2"))


def test_reading_gives_the_files_and_asks_once(server: LiveRegistry, tmp_path: Path, client_home: Path) -> None:
    progress = Progress()
    registry = opened(server, client_home, progress=progress)
    source = write_bundle(tmp_path, "Read", "1", os.urandom(2 << 20))
    bento = register(registry, source)
    progress.seen.clear()
    with registry.reading(bento) as directory:
        assert read_tree(directory) == read_tree(source) == registry.tree(bento)
        assert (directory / "run.sh").stat().st_mode & 0o111
        assert not (directory / "bentoml.yml").stat().st_mode & 0o111
    assert progress.seen[-1][0] == progress.seen[-1][1] == sum(read_tree(source).contents.values())
    progress.seen.clear()
    with registry.reading(bento):
        assert progress.seen == []
    assert list((client_home / ".partial").iterdir()) == []
    assert list((client_home / ".staging").iterdir()) == []


def test_reading_takes_from_this_machine_what_it_has(server: LiveRegistry, tmp_path: Path, client_home: Path) -> None:
    """Only the manifest of the second version is new here."""
    local = LocalRegistry(SqliteDatabase(tmp_path / "storage.db"), FileSystemBlobStore(tmp_path / "repository"))
    model = os.urandom(1 << 20)
    first, second = (write_bundle(tmp_path, "Held", version, model) for version in "12")
    with local.staging() as staged:
        staged.rmdir()
        first.rename(staged)
        local.register(staged, load_bento_service_metadata(staged))
    progress = Progress()
    registry = opened(server, client_home, progress=progress, held=local)
    bento = register(registry, second)
    progress.seen.clear()
    with registry.reading(bento) as directory:
        assert read_tree(directory, verify=True) == read_tree(second)
    assert progress.seen[-1] == ((second / "bentoml.yml").stat().st_size,) * 2


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_reading_when_what_this_machine_has_is_damaged_loads_it(
    server: LiveRegistry, tmp_path: Path, client_home: Path, damage: str
) -> None:
    local = LocalRegistry(SqliteDatabase(tmp_path / "storage.db"), FileSystemBlobStore(tmp_path / "repository"))
    source = write_bundle(tmp_path, f"Damaged{damage}")
    registry = opened(server, client_home, held=local)
    bento = register(registry, source)
    with local.staging() as staged:
        staged.rmdir()
        source.rename(staged)
        local.register(staged, load_bento_service_metadata(staged))
    for content in (tmp_path / "repository" / ".blobs").rglob("*"):
        if content.is_file() and damage == "missing":
            content.unlink()
        elif content.is_file():
            content.write_bytes(b"!" * content.stat().st_size)
    with registry.reading(bento) as directory:
        assert read_tree(directory, verify=True).digest == bento.tree_digest


def test_reading_when_files_share_a_content_makes_them_all(
    server: LiveRegistry, tmp_path: Path, registry: RemoteRegistry
) -> None:
    source = write_bundle(tmp_path, "Twins", model=b"twin" * 1000)
    (source / "Twins" / "artifacts" / "twin.bin").write_bytes(b"twin" * 1000)
    (source / "Twins" / "artifacts" / "tool").write_bytes(b"twin" * 1000)
    (source / "Twins" / "artifacts" / "tool").chmod(0o755)
    (source / "Twins" / "odd name%41 ?#&+é.txt").write_text("odd")
    bento = register(registry, source)
    with registry.reading(bento) as directory:
        assert read_tree(directory, verify=True) == read_tree(source)


def test_reading_by_several_at_once_gives_all_of_them_the_files(
    server: LiveRegistry, tmp_path: Path, client_home: Path
) -> None:
    """As the processes of a server do that start together: nobody waits for what another one loads."""
    source = write_bundle(tmp_path, "Crowd", model=os.urandom(2 << 20))
    bento = register(opened(server, client_home), source)
    together = threading.Barrier(4)

    def read() -> str:
        registry = opened(server, client_home)
        together.wait(30)
        with registry.reading(bento) as directory:
            return read_tree(directory, verify=True).digest

    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(read) for _ in range(4)]
        assert {future.result() for future in found} == {bento.tree_digest}
    assert list((client_home / ".partial").iterdir()) == []


def test_fetch_gives_a_copy_that_may_be_changed(tmp_path: Path, registry: RemoteRegistry) -> None:
    bento = register(registry, write_bundle(tmp_path, "Fetched"))
    registry.fetch(bento, tmp_path / "copy")
    (tmp_path / "copy" / "run.sh").write_text("changed")
    with registry.reading(bento) as directory:
        assert (directory / "run.sh").read_text() == "#!/bin/sh\n"


def test_reading_when_the_tag_is_that_of_other_files_now_is_not_found(tmp_path: Path, registry: RemoteRegistry) -> None:
    before = register(registry, write_bundle(tmp_path / "a", "Moved"))
    registry.delete(Tag("Moved", "1"))
    register(registry, write_bundle(tmp_path / "b", "Moved", model=b"other"))
    with pytest.raises(NotFound, match="its tag is that of other files now"), registry.reading(before):
        pass


def test_register_when_a_file_is_not_the_one_that_was_saved_says_which(
    tmp_path: Path, registry: RemoteRegistry
) -> None:
    directory = write_bundle(tmp_path, "Changed", model=os.urandom(1000))
    names = sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
    sums = [f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (directory / "SHA256SUMS").write_text("".join(sums))
    (directory / "Changed" / "artifacts" / "model.pkl").write_bytes(b"y" * 1000)
    with pytest.raises(BundleIntegrityException, match=r"model\.pkl is not the file that was saved"):
        register(registry, directory)
    with pytest.raises(NotFound):
        registry.find(Tag("Changed", "1"))


def test_register_when_the_tag_is_taken_sends_nothing(server: LiveRegistry, tmp_path: Path, client_home: Path) -> None:
    progress = Progress()
    registry = opened(server, client_home, progress=progress)
    register(registry, write_bundle(tmp_path / "a", "Taken"))
    progress.seen.clear()
    for directory in (tmp_path / "a" / "Taken-1", write_bundle(tmp_path / "b", "Taken", model=b"other")):
        with pytest.raises(YataiServiceRpcAborted, match="Taken:1 already exists"):
            register(registry, directory)
    assert progress.seen == []


def test_list_when_there_are_more_than_a_page_gives_all(
    tmp_path: Path, registry: RemoteRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bentoml.yatai.remote.queries.MOST_AT_ONCE", 2)
    for version in "12345":
        register(registry, write_bundle(tmp_path, "Paged", version))
    query = BentoQuery(name="Paged", limit=None)
    assert [bento.version for bento in registry.list_bentos(query)] == list("54321")
    some = BentoQuery(name="Paged", offset=1, limit=3)
    assert [bento.version for bento in registry.list_bentos(some)] == list("432")
    assert registry.count_bentos(some) == 5
    assert registry.matching_tags(query) == [Tag("Paged", version) for version in "54321"]


@pytest.mark.parametrize("tag", [Tag("a/b", "1"), Tag("..", "1"), Tag("a", ".."), Tag("a", "x/y"), Tag("", "1")])
def test_find_when_no_bundle_can_have_the_tag_is_not_found(registry: RemoteRegistry, tag: Tag) -> None:
    with pytest.raises(NotFound, match="not found"):
        registry.find(tag)
