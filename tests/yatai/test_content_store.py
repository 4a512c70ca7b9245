"""One suite for every store of contents; those in buckets with servers that speak the protocols of the makers."""

from __future__ import annotations

import hashlib
import os
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLException, InvalidArgument, NotFound
from bentoml.yatai.content_buckets import BucketContentStore
from bentoml.yatai.content_files import FileContentStore
from bentoml.yatai.content_store import ContentStore, is_key, key_path, new_key
from tests.storage.emulators import Emulator, azurite, running_azure, running_gcs, running_s3

pytestmark = pytest.mark.timeout(180)
SERVERS = {"s3": running_s3, "gs": running_gcs, "azure": running_azure}
IN_STORAGE = pytest.mark.environment("storage")


@pytest.fixture(
    scope="module",
    params=[
        "files",
        pytest.param("s3", marks=IN_STORAGE),
        pytest.param("gs", marks=IN_STORAGE),
        pytest.param(
            "azure",
            marks=[
                IN_STORAGE,
                pytest.mark.may_skip("Azurite needs Node"),
                pytest.mark.skipif(azurite() is None, reason="there is no Azurite"),
            ],
        ),
    ],
)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator | None]:
    if request.param == "files":
        yield None
        return
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as emulator:
        yield emulator


@pytest.fixture
def store(place: Emulator | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ContentStore:
    if place is None:
        return FileContentStore(tmp_path / "repository" / ".blobs")
    from bentoml.storage.address import parse_address
    from bentoml.storage.buckets import open_bucket

    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    for name, value in place.variables.items():
        monkeypatch.setenv(name, value)
    address = parse_address(place.url(f"bundles/{tmp_path.name}"))
    return BucketContentStore(open_bucket(address), address)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def take(store: ContentStore, directory: Path, content: bytes, name: str = "source") -> str:
    source = directory / name
    source.write_bytes(content)
    key = store.take(source, digest_of(content))
    store.flush([key])
    return key


def read(store: ContentStore, key: str, start: int = 0, size: int | None = None) -> bytes:
    with store.open(key, start, size) as stream:
        content = b"".join(stream.chunks)
    assert stream.size_bytes == len(content)
    return content


def test_large_contents_are_placed_whole(store: ContentStore, tmp_path: Path) -> None:
    content = os.urandom((40 << 20) + 7)
    key = take(store, tmp_path, content)
    store.place(key, tmp_path / "target", executable=True)
    assert (tmp_path / "target").read_bytes() == content
    assert os.access(tmp_path / "target", os.X_OK)


@pytest.mark.parametrize("content", [b"", b"x", bytes(3 << 20)], ids=["empty", "small", "large"])
def test_contents_come_back_whole_and_in_parts(store: ContentStore, tmp_path: Path, content: bytes) -> None:
    key = take(store, tmp_path, content)
    assert key.startswith(digest_of(content).removeprefix("sha256:"))
    assert is_key(key)
    assert read(store, key) == content
    size = len(content)
    for start, length in [(0, 0), (0, size), (size, 0), (size // 2, size - size // 2), (size // 3, size // 3)]:
        assert read(store, key, start, length) == content[start : start + length]
    assert read(store, key, size // 2) == content[size // 2 :]


def test_parts_beyond_the_end_are_refused(store: ContentStore, tmp_path: Path) -> None:
    key = take(store, tmp_path, b"abc")
    for start, size in [(0, 4), (3, 1), (4, None), (4, 0), (-1, 2)]:
        with pytest.raises(InvalidArgument):
            read(store, key, start, size)


def test_same_content_twice_has_two_keys_and_one_can_go(store: ContentStore, tmp_path: Path) -> None:
    first, second = (take(store, tmp_path, b"same", name) for name in "ab")
    assert first != second
    store.delete(first)
    store.delete(first)
    assert read(store, second) == b"same"
    assert [entry.key for entry in store.entries()] == [second]
    with pytest.raises(NotFound):
        read(store, first)


def test_entries_are_all_that_is_there(store: ContentStore, tmp_path: Path) -> None:
    assert list(store.entries()) == []
    began = time.time()
    keys = {take(store, tmp_path, bytes(size), f"f{size}"): size for size in range(5)}
    found = list(store.entries())
    assert {entry.key: entry.size_bytes for entry in found} == keys
    assert all(began - 5 < entry.modified_at.timestamp() < time.time() + 5 for entry in found)
    assert {entry.key: store.find(entry.key) for entry in found} == {entry.key: entry for entry in found}


def test_what_is_not_there_is_said(store: ContentStore, tmp_path: Path) -> None:
    key = new_key(digest_of(b"never"))
    assert store.find(key) is None
    assert not store.reuse(key, 5, tmp_path / "twin")
    store.delete(key)
    for start, size in [(0, None), (0, 0), (1, None)]:
        with pytest.raises(NotFound):
            read(store, key, start, size)
    with pytest.raises(NotFound):
        store.place(key, tmp_path / "target", executable=False)
    assert not (tmp_path / "target").exists()
    with pytest.raises(BentoMLException):
        store.take(tmp_path / "no such file", digest_of(b""))


@pytest.mark.parametrize("key", ["", "x", "../../etc/passwd", "a" * 64, f"{'a' * 64}.{'b' * 16}/../x"])
def test_what_is_no_key_reaches_nothing(store: ContentStore, tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidArgument, match="is no key"):
        store.delete(key)
    with pytest.raises(InvalidArgument, match="is no key"):
        read(store, key)
    with pytest.raises(InvalidArgument, match="is no key"):
        key_path(key)


@pytest.mark.parametrize("was_executable", [False, True])
@pytest.mark.parametrize("executable", [False, True])
def test_placed_files_have_the_content_and_the_mode(
    store: ContentStore, tmp_path: Path, was_executable: bool, executable: bool
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"#!/bin/sh\n")
    source.chmod(0o755 if was_executable else 0o644)
    key = store.take(source, digest_of(b"#!/bin/sh\n"))
    store.place(key, tmp_path / "target", executable=executable)
    assert (tmp_path / "target").read_bytes() == b"#!/bin/sh\n"
    assert os.access(tmp_path / "target", os.X_OK) is executable
    assert os.access(source, os.X_OK) is was_executable
    store.delete(key)
    assert (tmp_path / "target").read_bytes() == b"#!/bin/sh\n"


def test_reuse_looks_at_the_size(store: ContentStore, tmp_path: Path) -> None:
    key = take(store, tmp_path, b"12345")
    twin = tmp_path / "twin"
    twin.write_bytes(b"12345")
    assert store.reuse(key, 5, twin)
    assert not store.reuse(key, 6, twin)
    assert twin.read_bytes() == b"12345"


def test_signed_addresses_read_the_content(store: ContentStore, place: Emulator | None, tmp_path: Path) -> None:
    url = store.signed_url(take(store, tmp_path, b"signed"), 60)
    if place is None or place.scheme == "gs":
        assert url is None
        return
    assert url is not None
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == b"signed"


@pytest.fixture
def files(tmp_path: Path) -> FileContentStore:
    return FileContentStore(tmp_path / "repository" / ".blobs")


def test_files_share_their_bytes(files: FileContentStore, tmp_path: Path) -> None:
    key = take(files, tmp_path, b"m" * 100)
    blob = tmp_path / "repository" / ".blobs" / key_path(key)
    assert blob.samefile(tmp_path / "source")
    files.place(key, tmp_path / "placed", executable=False)
    assert blob.samefile(tmp_path / "placed")
    twin = tmp_path / "twin"
    twin.write_bytes(b"m" * 100)
    assert files.reuse(key, 100, twin)
    assert blob.samefile(twin)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["placed", "repository", "source", "twin"]


def test_executable_twin_keeps_bytes_of_its_own(files: FileContentStore, tmp_path: Path) -> None:
    key = take(files, tmp_path, b"#!/bin/sh\n")
    twin = tmp_path / "twin"
    twin.write_bytes(b"#!/bin/sh\n")
    twin.chmod(0o755)
    assert files.reuse(key, 10, twin)
    assert not twin.samefile(tmp_path / "source")
    assert (twin.stat().st_mode & 0o777, (tmp_path / "source").stat().st_mode & 0o111) == (0o755, 0)


SHARED_MEMORY = Path("/dev/shm")


@pytest.mark.may_skip("one disk alone")
def test_files_on_another_disk_are_copied(tmp_path: Path) -> None:
    if not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    root = SHARED_MEMORY / f"bentoml-{os.getpid()}-{tmp_path.name}"
    files = FileContentStore(root)
    try:
        source = tmp_path / "source"
        source.write_bytes(b"#!/bin/sh\n")
        source.chmod(0o755)
        key = files.take(source, digest_of(b"#!/bin/sh\n"))
        files.flush([key])
        assert (root / key_path(key)).stat().st_mode & 0o777 == 0o755
        files.place(key, tmp_path / "target", executable=True)
        assert (tmp_path / "target").read_bytes() == b"#!/bin/sh\n"
        assert (tmp_path / "target").stat().st_mode & 0o777 == 0o755
        assert files.reuse(key, 10, source)
        assert [entry.key for entry in files.entries()] == [key]
        files.delete(key)
        assert list(files.entries()) == []
    finally:
        from bentoml.yatai.trees import remove_tree

        remove_tree(root)


def test_copies_that_were_cut_off_are_entries_that_can_be_deleted(files: FileContentStore, tmp_path: Path) -> None:
    key = take(files, tmp_path, b"1")
    half = new_key(digest_of(b"2"))
    path = tmp_path / "repository" / ".blobs" / f"{key_path(half)}.part"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"ha")
    path.with_name("note.txt").write_text("of somebody else")
    assert {entry.key for entry in files.entries()} == {key, half}
    assert files.find(half) is None
    files.delete(half)
    assert not path.exists()
    assert path.with_name("note.txt").exists()


def test_directory_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    files = FileContentStore(tmp_path / "file" / ".blobs")
    with pytest.raises(BentoMLException, match=r"\.blobs cannot be written: .*free space"):
        take(files, tmp_path, b"x")
