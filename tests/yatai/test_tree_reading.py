from __future__ import annotations

import os
from pathlib import Path

import pytest

from bentoml.exceptions import BadInput, BundleIntegrityException
from bentoml.saved_bundle.integrity import write_digests
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.yatai.tree_reading import differences, read_tree


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    root = tmp_path / "bundle"
    (root / "Iris" / "artifacts").mkdir(parents=True)
    (root / "Iris" / "__pycache__").mkdir()
    (root / "Iris" / "__pycache__" / "x.pyc").write_bytes(b"cache")
    (root / "Iris" / "artifacts" / "model.pkl").write_bytes(b"m" * 1000)
    (root / "bentoml.yml").write_text("kind: BentoService\n")
    (root / "start.sh").write_text("#!/bin/sh\n")
    (root / "start.sh").chmod(0o755)
    return root


def test_tree_of_a_directory_without_digests_is_computed(directory: Path) -> None:
    tree = read_tree(directory)
    assert [entry.path for entry in tree] == ["Iris/artifacts/model.pkl", "bentoml.yml", "start.sh"]
    assert [entry.executable for entry in tree] == [False, False, True]
    assert [entry.sha256 for entry in tree] == [file_digest(directory / entry.path) for entry in tree]
    assert tree.size_bytes == 1000 + 19 + 10


def test_digests_that_were_saved_are_taken_unless_they_are_to_be_verified(directory: Path) -> None:
    write_digests(directory)
    whole = read_tree(directory, verify=True)
    assert read_tree(directory) == whole
    assert whole.find("SHA256SUMS") is not None
    (directory / "start.sh").write_text("#!/bin/no\n")
    assert read_tree(directory) == whole, "the digest was not computed again"
    with pytest.raises(BundleIntegrityException, match=r"start\.sh was changed"):
        read_tree(directory, verify=True)


def test_file_that_is_listed_and_missing_is_an_error(directory: Path) -> None:
    write_digests(directory)
    (directory / "start.sh").unlink()
    with pytest.raises(BundleIntegrityException, match=r"start\.sh is missing"):
        read_tree(directory)


@pytest.mark.parametrize("kind", ["file", "directory", "dangling", "pipe"])
def test_what_is_no_file_is_refused(directory: Path, tmp_path: Path, kind: str) -> None:
    (tmp_path / "outside").write_text("secret")
    target = {"file": tmp_path / "outside", "directory": tmp_path, "dangling": tmp_path / "nothing"}
    if kind == "pipe":
        os.mkfifo(directory / "odd")
    else:
        (directory / "odd").symlink_to(target[kind])
    with pytest.raises(BadInput, match="odd is neither a file nor a directory"):
        read_tree(directory)


def test_names_that_are_one_on_other_machines_are_refused(directory: Path) -> None:
    (directory / "BENTOML.yml").write_text("x")
    with pytest.raises(BadInput, match="one name on some machines"):
        read_tree(directory)


def test_differences_name_what_is_missing_or_changed(directory: Path) -> None:
    tree = read_tree(directory)
    assert differences(directory, tree, deep=True) == []
    (directory / "added.txt").write_text("more")
    (directory / "Iris" / "artifacts" / "model.pkl").write_bytes(b"n" * 1000)
    (directory / "bentoml.yml").write_text("short")
    (directory / "start.sh").unlink()
    (directory / "start.sh").mkdir()
    shallow = [f"{directory}/bentoml.yml has 5 bytes, and not 19", f"{directory}/start.sh is no file"]
    assert differences(directory, tree) == shallow
    assert differences(directory, tree, deep=True) == [
        f"{directory}/Iris/artifacts/model.pkl has another content",
        *shallow,
    ]
    (directory / "start.sh").rmdir()
    assert f"{directory}/start.sh is missing" in differences(directory, tree)
