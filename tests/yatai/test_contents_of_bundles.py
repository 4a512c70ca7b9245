"""What the registry does with the contents of bundles: shares, lists, indexes and brings them again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import BadInput, BundleIntegrityException
from bentoml.saved_bundle.integrity import write_digests
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.content_store import key_path
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.repository import BentoRepository
from bentoml.yatai.sqlite_database import SqliteDatabase
from bentoml.yatai.tree_reading import read_tree

WriteBundle = Callable[..., Path]
Save = Callable[..., Path]


@pytest.fixture
def registry(bentoml_home: Path) -> LocalRegistry:
    return LocalRegistry(SqliteDatabase(bentoml_home / "storage.db"), FileSystemBlobStore(bentoml_home / "repository"))


@pytest.fixture
def query(bentoml_home: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    def ask(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(bentoml_home / "storage.db", isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    return ask


Query = Callable[[str], list[tuple[Any, ...]]]


def blob_files(home: Path) -> dict[str, Path]:
    return {path.name: path for path in (home / "repository" / ".blobs").glob("*/*")}


def space_bytes(directory: Path) -> int:
    """Space on disk; what has several names counts once."""
    seen: dict[int, int] = {}
    for folder, _, files in os.walk(directory):
        for name in files:
            about = Path(folder, name).lstat()
            seen[about.st_ino] = about.st_blocks * 512
    return sum(seen.values())


def test_versions_that_share_a_model_take_its_space_once(
    repository: BentoRepository, write_bundle: WriteBundle, bentoml_home: Path
) -> None:
    model_bytes = 20 << 20
    model = os.urandom(model_bytes)
    paths = []
    for version in range(10):
        bundle = write_bundle(version=str(version))
        (bundle / "Iris" / "artifacts" / "model.pkl").write_bytes(model)
        paths.append(Path(repository.upload_from_dir(bundle)))
    assert len({(path / "Iris" / "artifacts" / "model.pkl").stat().st_ino for path in paths}) == 1
    assert model_bytes <= space_bytes(bentoml_home) < model_bytes + (2 << 20)


def test_catalog_has_tree_and_contents_of_what_is_registered(
    repository: BentoRepository, registry: LocalRegistry, save: Save, bentoml_home: Path, query: Query
) -> None:
    path = save()
    save(version="2")
    tree = registry.tree(repository.get("Iris:1"))
    assert tree == read_tree(path, verify=True)
    rows = query("SELECT tree_digest, size_bytes FROM bentos WHERE version = '1'")
    assert rows == [(tree.digest, tree.size_bytes)]
    assert query(f"SELECT size_bytes, files FROM trees WHERE digest = '{tree.digest}'") == [
        (tree.size_bytes, len(tree))
    ]
    kept = {digest: (key, size) for digest, key, size in query("SELECT digest, key, size_bytes FROM blobs")}
    assert tree.contents.items() <= {digest: size for digest, (_, size) in kept.items()}.items()
    files = blob_files(bentoml_home)
    assert {key for key, _ in kept.values()} == set(files)
    for entry in tree:
        assert (path / entry.path).samefile(files[kept[entry.digest][0]])


def test_equal_bundles_of_two_tags_share_all_but_their_names(
    repository: BentoRepository, save: Save, bentoml_home: Path
) -> None:
    save()
    before = len(blob_files(bentoml_home))
    save(version="2")
    assert len(blob_files(bentoml_home)) == before + 1, "the manifest alone is another"


def test_content_that_is_missing_or_cut_off_is_healed_by_the_next_save(
    repository: BentoRepository, registry: LocalRegistry, save: Save, bentoml_home: Path, query: Query
) -> None:
    save()
    tree = registry.tree(repository.get("Iris:1"))
    keys: dict[str, str] = dict(query("SELECT digest, key FROM blobs"))
    lost, cut = (keys[entry.digest] for entry in tree if entry.path in {"Iris/iris.py", "docker-entrypoint.sh"})
    files = blob_files(bentoml_home)
    files[lost].unlink()
    files[cut].unlink()
    files[cut].write_text("#!")
    path = save(version="2")
    again: dict[str, str] = dict(query("SELECT digest, key FROM blobs"))
    assert {digest for digest in keys if again[digest] != keys[digest]} == {
        f"sha256:{lost.partition('.')[0]}",
        f"sha256:{cut.partition('.')[0]}",
    }
    for digest, key in again.items():
        assert (
            blob_files(bentoml_home)[key].stat().st_size
            == query(f"SELECT size_bytes FROM blobs WHERE digest = '{digest}'")[0][0]
        )
    assert read_tree(path, verify=True).find("Iris/iris.py") == tree.find("Iris/iris.py")


def test_executable_twin_is_a_file_of_its_own(repository: BentoRepository, write_bundle: WriteBundle) -> None:
    bundle = write_bundle()
    (bundle / "copy.sh").write_bytes((bundle / "docker-entrypoint.sh").read_bytes())
    path = Path(repository.upload_from_dir(bundle))
    assert os.access(path / "docker-entrypoint.sh", os.X_OK)
    assert not os.access(path / "copy.sh", os.X_OK)


def test_bundle_of_an_older_catalog_gets_its_tree_when_it_is_asked_for(
    repository: BentoRepository, registry: LocalRegistry, save: Save, bentoml_home: Path, query: Query
) -> None:
    path = save()
    expected = read_tree(path)
    query("UPDATE bentos SET tree_digest = NULL, size_bytes = NULL")
    query("DELETE FROM trees")
    query("DELETE FROM blobs")
    for file in blob_files(bentoml_home).values():
        file.unlink()
    assert registry.tree(repository.get("Iris:1")) == expected
    assert query("SELECT tree_digest, size_bytes FROM bentos") == [(expected.digest, expected.size_bytes)]
    assert {key for (key,) in query("SELECT key FROM blobs")} == set(blob_files(bentoml_home))
    assert all((path / entry.path).stat().st_nlink == 2 for entry in expected)


def test_bundle_of_an_older_catalog_that_was_changed_is_not_indexed(
    repository: BentoRepository, registry: LocalRegistry, write_bundle: WriteBundle, query: Query
) -> None:
    bundle = write_bundle()
    write_digests(bundle)
    path = Path(repository.upload_from_dir(bundle))
    query("UPDATE bentos SET tree_digest = NULL")
    (path / "Iris" / "iris.py").unlink()
    (path / "Iris" / "iris.py").write_text("ANSWER = 43\n")
    with pytest.raises(BundleIntegrityException, match=r"iris\.py was changed"):
        registry.tree(repository.get("Iris:1"))
    assert query("SELECT tree_digest FROM bentos") == [(None,)]


def test_names_that_are_one_file_elsewhere_are_refused_and_nothing_is_left(
    repository: BentoRepository, write_bundle: WriteBundle, bentoml_home: Path
) -> None:
    bundle = write_bundle()
    (bundle / "Iris" / "IRIS.py").write_text("")
    with pytest.raises(BadInput, match="one name on some machines"):
        repository.upload_from_dir(bundle)
    assert repository.list() == []
    assert blob_files(bentoml_home) == {}


class LosingStore(FileSystemBlobStore):
    """Contents vanish from the catalog after they were seen there, as if they had been collected."""

    def __init__(self, root: Path, lose: Callable[[], None]) -> None:
        super().__init__(root)
        self._lose = lose

    def seal(self, staged: Path) -> None:
        super().seal(staged)
        self._lose()


def test_contents_that_are_collected_while_a_bundle_is_registered_are_brought_again(
    save: Save, write_bundle: WriteBundle, bentoml_home: Path, query: Query
) -> None:
    save()

    def lose() -> None:
        query("DELETE FROM trees")
        for (key,) in query("SELECT key FROM blobs"):
            (bentoml_home / "repository" / ".blobs" / key_path(key)).unlink()
        query("DELETE FROM blobs")

    blobs = LosingStore(bentoml_home / "repository", lose)
    repository = BentoRepository(LocalRegistry(SqliteDatabase(bentoml_home / "storage.db"), blobs))
    path = Path(repository.upload_from_dir(write_bundle(version="2")))
    tree = read_tree(path, verify=True)
    assert query("SELECT digest FROM trees") == [(tree.digest,)]
    keys: dict[str, str] = dict(query("SELECT digest, key FROM blobs"))
    files = blob_files(bentoml_home)
    assert keys.keys() == tree.contents.keys()
    assert all(files[key].is_file() for key in keys.values())
