from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bentoml.yatai.trees import copy_tree, remove_tree, sync_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "inner" / "empty").mkdir(parents=True)
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "a.pyc").write_bytes(b"")
    (root / "inner" / "data.bin").write_bytes(b"\0\1")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    return root


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_copy_tree_keeps_contents_and_modes_and_leaves_caches_out(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    copy_tree(tree, target)
    assert names(target) == {"inner", "inner/empty", "inner/data.bin", "run.sh"}
    assert (target / "inner" / "data.bin").read_bytes() == b"\0\1"
    assert os.access(target / "run.sh", os.X_OK)
    sync_tree(target)


def test_copy_tree_when_file_is_a_link_copies_what_it_points_to(tree: Path, tmp_path: Path) -> None:
    (tree / "link").symlink_to(tree / "inner" / "data.bin")
    target = tmp_path / "copy"
    target.mkdir()
    copy_tree(tree, target)
    assert not (target / "link").is_symlink()
    assert (target / "link").read_bytes() == b"\0\1"


def test_copy_tree_when_directory_is_a_link_refuses(tree: Path, tmp_path: Path) -> None:
    (tree / "loop").symlink_to(tree)
    target = tmp_path / "copy"
    target.mkdir()
    with pytest.raises(OSError, match="link to a directory"):
        copy_tree(tree, target)


def test_copy_tree_when_something_is_a_pipe_refuses(tree: Path, tmp_path: Path) -> None:
    os.mkfifo(tree / "pipe")
    target = tmp_path / "copy"
    target.mkdir()
    with pytest.raises(OSError, match="pipe"):
        copy_tree(tree, target)


def test_copy_tree_when_source_is_missing_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        copy_tree(tmp_path / "nowhere", tmp_path)


def test_remove_tree_when_directories_are_read_only_removes_them(tree: Path) -> None:
    (tree / "inner").chmod(0o555)
    tree.chmod(0o555)
    remove_tree(tree)
    assert not tree.exists()


def test_remove_tree_when_missing_does_nothing(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nowhere")


def test_remove_tree_when_several_remove_the_same_tree_all_succeed(tmp_path: Path) -> None:
    root = tmp_path / "wide"
    for number in range(400):
        (root / str(number % 20)).mkdir(parents=True, exist_ok=True)
        (root / str(number % 20) / f"{number}.txt").write_text("")
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def remove() -> None:
        start.wait()
        try:
            remove_tree(root)
        except BaseException as error:  # noqa: BLE001 - reported by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=remove) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert not root.exists()
