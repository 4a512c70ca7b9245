from __future__ import annotations

import dataclasses
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bentoml.exceptions import InvalidArgument, YataiRepositoryException
from bentoml.types import Tag
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.models import UriType
from bentoml.yatai.owner import Owner
from bentoml.yatai.trees import copy_bundle

TAG = Tag("Iris", "1")
STAGE_AND_WAIT = """
import sys
from pathlib import Path
from bentoml.yatai.blobs import FileSystemBlobStore
with FileSystemBlobStore(Path(sys.argv[1])).staging() as staged:
    (staged / "half.bin").write_bytes(b"x")
    print("staged", flush=True)
    input()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repository"


@pytest.fixture
def blobs(root: Path) -> FileSystemBlobStore:
    return FileSystemBlobStore(root)


def publish(blobs: FileSystemBlobStore, tag: Tag = TAG, content: str = "model") -> Path:
    with blobs.staging() as staged:
        (staged / "model.bin").write_text(content)
        blobs.seal(staged)
        blobs.publish(staged, blobs.locate(tag))
    return Path(blobs.locate(tag))


def left_over(root: Path) -> list[Path]:
    return [*(root / ".staging").glob("*"), *(root / ".trash").glob("*")]


def test_publish_puts_the_files_under_name_and_version(blobs: FileSystemBlobStore, root: Path) -> None:
    path = publish(blobs)
    assert path == root / "Iris" / "1"
    assert (path / "model.bin").read_text() == "model"
    assert blobs.local_path(str(path)) == path
    assert blobs.uri_type is UriType.LOCAL
    assert left_over(root) == []


def test_staging_when_the_disk_fills_up_says_what_to_do(blobs: FileSystemBlobStore, root: Path) -> None:
    def fail() -> None:
        with blobs.staging() as staged:
            raise OSError(errno.ENOSPC, "No space left on device", str(staged / "model.pkl"))

    with pytest.raises(YataiRepositoryException, match=r"cannot be written: No space left .*model\.pkl.*free space"):
        fail()
    assert left_over(root) == []


def test_staging_when_a_file_of_the_user_is_missing_does_not_blame_the_repository(blobs: FileSystemBlobStore) -> None:
    def fail() -> None:
        with blobs.staging():
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", "data.csv")

    with pytest.raises(FileNotFoundError, match=r"data\.csv"):
        fail()


def test_staging_is_on_the_file_system_of_the_repository(blobs: FileSystemBlobStore, root: Path) -> None:
    with blobs.staging() as staged:
        assert staged.is_relative_to(root)
        assert list(staged.iterdir()) == []


def test_staging_when_block_raises_leaves_nothing(blobs: FileSystemBlobStore, root: Path) -> None:
    def fail() -> None:
        with blobs.staging() as staged:
            (staged / "half.bin").write_bytes(b"x")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert left_over(root) == []


def test_publish_when_directory_exists_refuses(blobs: FileSystemBlobStore, root: Path) -> None:
    (root / "Iris" / "1").mkdir(parents=True)
    with pytest.raises(YataiRepositoryException, match=r"^Bento bundle directory .*/Iris/1 already exist"):
        publish(blobs)


@pytest.mark.parametrize(
    "tag",
    [
        Tag("Iris", ".."),
        Tag("Iris", "."),
        Tag("..", "1"),
        Tag(".trash", "1"),
        Tag("a/b", "1"),
        Tag("Iris", "../../etc"),
        Tag("Iris", "a\0b"),
        Tag("Iris", "1" * 256),
    ],
    ids=str,
)
def test_locate_when_tag_is_no_directory_name_refuses(blobs: FileSystemBlobStore, tag: Tag) -> None:
    with pytest.raises(InvalidArgument, match="cannot be the name"):
        blobs.locate(tag)


def test_displace_then_sweep_removes_the_files(blobs: FileSystemBlobStore, root: Path) -> None:
    path = publish(blobs)
    blobs.displace(str(path), "uid-1")
    assert not path.parent.exists()
    assert [entry.name for entry in left_over(root)] == ["uid-1"]
    blobs.sweep(lambda _uids: ())
    assert left_over(root) == []


def test_displace_when_other_versions_stay_keeps_them(blobs: FileSystemBlobStore) -> None:
    path, other = publish(blobs), publish(blobs, Tag("Iris", "2"))
    blobs.displace(str(path), "uid-1")
    assert not path.exists()
    assert other.exists()


def test_displace_when_done_before_under_this_id_spares_later_files(blobs: FileSystemBlobStore) -> None:
    path = publish(blobs, content="old")
    blobs.displace(str(path), "uid-1")
    publish(blobs, content="new")
    blobs.displace(str(path), "uid-1")
    assert (path / "model.bin").read_text() == "new"


def test_displace_when_nothing_is_there_does_nothing(blobs: FileSystemBlobStore, root: Path) -> None:
    blobs.displace(str(root / "Iris" / "1"), "uid-1")
    assert not root.exists()


def test_sweep_when_stager_was_killed_removes_what_it_staged(blobs: FileSystemBlobStore, root: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STAGE_AND_WAIT, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "staged\n"
        blobs.sweep(lambda _uids: ())
        assert len(left_over(root)) == 1, "the staging directory of a live process stays"
        process.kill()
    blobs.sweep(lambda _uids: ())
    assert left_over(root) == []


@pytest.mark.parametrize(("age_days", "stays"), [(6, True), (8, False)], ids=["recent", "old"])
def test_sweep_when_stager_is_on_another_host_waits_a_week(
    blobs: FileSystemBlobStore, root: Path, age_days: int, stays: bool
) -> None:
    foreign = dataclasses.replace(Owner.current(), host="elsewhere")
    slot = root / ".staging" / f"{foreign.token}~abc"
    slot.mkdir(parents=True)
    then = slot.stat().st_mtime - age_days * 24 * 3600
    os.utime(slot, (then, then))
    blobs.sweep(lambda _uids: ())
    assert slot.exists() is stays


def test_fetch_copies_to_a_new_directory(blobs: FileSystemBlobStore, tmp_path: Path) -> None:
    path = publish(blobs)
    copy_bundle(path, tmp_path / "a" / "copy")
    assert (tmp_path / "a" / "copy" / "model.bin").read_text() == "model"


def test_fetch_when_target_has_files_refuses_and_leaves_them(blobs: FileSystemBlobStore, tmp_path: Path) -> None:
    path = publish(blobs)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep")
    with pytest.raises(YataiRepositoryException, match="cannot be copied to"):
        copy_bundle(path, tmp_path / "mine")
    assert [entry.name for entry in (tmp_path / "mine").iterdir()] == ["note.txt"]


def test_staging_when_repository_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blobs = FileSystemBlobStore(tmp_path / "file" / "repository")
    with pytest.raises(YataiRepositoryException, match=r"file/repository cannot be written: .*BENTOML_HOME"):
        blobs.staging().__enter__()
