from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bentoml.exceptions import BundleIntegrityException
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.checkout_cache import CheckoutCache
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
