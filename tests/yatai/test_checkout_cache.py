from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bentoml.exceptions import BundleIntegrityException
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.checkout_cache import CheckoutCache
from bentoml.yatai.shared_contents import SHARED_BYTES
from bentoml.yatai.tree_reading import read_tree


def tree_of(directory: Path, content: bytes) -> BundleTree:
    directory.mkdir()
    (directory / "model.bin").write_bytes(content)
    return read_tree(directory)


def writer(content: bytes, calls: list[str]) -> Callable[[BundleTree, Path], None]:
    def fill(tree: BundleTree, directory: Path) -> None:
        calls.append(tree.digest)
        (directory / "model.bin").write_bytes(content)

    return fill


def test_copy_is_made_once_and_again_when_it_is_damaged(tmp_path: Path) -> None:
    tree, calls = tree_of(tmp_path / "a", b"12345"), list[str]()
    cache = CheckoutCache(tmp_path / "cache", 100)
    for _ in range(2):
        with cache.checkout(tree, writer(b"12345", calls)) as path:
            assert (path / "model.bin").read_bytes() == b"12345"
    assert len(calls) == 1
    (path / "model.bin").write_bytes(b"1")
    with cache.checkout(tree, writer(b"12345", calls)) as path:
        assert (path / "model.bin").read_bytes() == b"12345"
    assert len(calls) == 2


def test_other_content_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "a", b"12345")
    cache = CheckoutCache(tmp_path / "cache", 100)
    with pytest.raises(BundleIntegrityException, match=r"model\.bin did not arrive"):
        cache.held(tree, writer(b"54321", []))
    assert not list((tmp_path / "cache").glob("[0-9a-f]*/"))


def test_copies_that_nobody_uses_go_when_there_is_no_room(tmp_path: Path) -> None:
    cache = CheckoutCache(tmp_path / "cache", 100)
    contents = [bytes([number]) * 60 for number in range(3)]
    trees = [tree_of(tmp_path / str(number), content) for number, content in enumerate(contents)]
    first = cache.held(trees[0], writer(contents[0], []))
    second = cache.held(trees[1], writer(contents[1], []))
    assert first.path.is_dir(), "it is in use, though there is no room for both"
    second.release()
    third = cache.held(trees[2], writer(contents[2], []))
    assert (first.path.is_dir(), second.path.exists(), third.path.is_dir()) == (True, False, True)
    first.release()
    third.release()


LARGE = bytes(range(256)) * (SHARED_BYTES // 256)


def bundle(directory: Path, version: str) -> BundleTree:
    """Two versions differ in one small file."""
    directory.mkdir()
    (directory / "model.bin").write_bytes(LARGE)
    (directory / "run.sh").write_bytes(LARGE)
    (directory / "run.sh").chmod(0o755)
    (directory / "version").write_text(version)
    return read_tree(directory)


def from_bundle(source: Path, fetched: list[list[str]]) -> Callable[[BundleTree, Path], None]:
    def fill(tree: BundleTree, directory: Path) -> None:
        fetched.append([entry.path for entry in tree])
        for entry in tree:
            shutil.copy(source / entry.path, directory / entry.path)

    return fill


def test_large_files_of_other_copies_are_not_fetched_again(tmp_path: Path) -> None:
    cache, fetched = CheckoutCache(tmp_path / "cache", 3 * len(LARGE)), list[list[str]]()
    held = []
    for version in "12":
        tree = bundle(tmp_path / version, version)
        held.append(cache.held(tree, from_bundle(tmp_path / version, fetched)))
    assert fetched == [["model.bin", "run.sh", "version"], ["version"]]
    first, second = (each.path for each in held)
    assert (first / "model.bin").samefile(second / "model.bin")
    assert (second / "run.sh").read_bytes() == LARGE
    assert os.access(second / "run.sh", os.X_OK)
    assert not os.access(second / "model.bin", os.X_OK)
    for each in held:
        each.release()
    cache.held(tree_of(tmp_path / "other", b"12345"), writer(b"12345", [])).release()
    assert first.is_dir(), "shared files count once"


def test_damaged_file_of_another_copy_is_fetched_again(tmp_path: Path) -> None:
    cache, fetched = CheckoutCache(tmp_path / "cache", 1 << 30), list[list[str]]()
    with (
        cache.checkout(bundle(tmp_path / "1", "1"), from_bundle(tmp_path / "1", fetched)) as path,
        (path / "model.bin").open("r+b") as file,
    ):
        file.write(b"damaged")
    with cache.checkout(bundle(tmp_path / "2", "2"), from_bundle(tmp_path / "2", fetched)) as path:
        assert sorted(fetched[1]) == ["model.bin", "version"]
        assert (path / "model.bin").read_bytes() == LARGE
    with cache.checkout(bundle(tmp_path / "3", "3"), from_bundle(tmp_path / "3", fetched)):
        assert fetched[2] == ["version"]


def test_shared_files_go_with_the_last_copy_that_has_them(tmp_path: Path) -> None:
    cache = CheckoutCache(tmp_path / "cache", 0)
    for version in "12":
        cache.held(bundle(tmp_path / version, version), from_bundle(tmp_path / version, [])).release()
        assert len(list((tmp_path / "cache" / ".contents").iterdir())) == 2
    cache.held(tree_of(tmp_path / "other", b"12345"), writer(b"12345", [])).release()
    assert list((tmp_path / "cache" / ".contents").iterdir()) == []
