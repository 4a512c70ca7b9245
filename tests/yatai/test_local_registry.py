from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from bentoml.exceptions import NotFound, YataiRepositoryException
from bentoml.types import Tag
from bentoml.yatai.audit import AuditQuery
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.database import Database
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.recycle_bin import RecycleBin
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.schema import bentos
from bentoml.yatai.trees import remove_tree
from tests.yatai.conftest import WriteBundle
from tests.yatai.contract_tools import Put
from tests.yatai.registry_contract import RegistryContract


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "repository"


@pytest.fixture
def registry(database: Database, root: Path) -> LocalRegistry:
    return LocalRegistry(database, FileSystemBlobStore(root), actor=lambda: "ada")


@pytest.fixture
def put(registry: LocalRegistry, write_bundle: WriteBundle) -> Put:
    return Put(registry, write_bundle)


class TestLocalRegistry(RegistryContract):
    """The registry in this process, on both databases."""

    @pytest.fixture
    def actor(self) -> str:
        return "ada"


def trash(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".trash").glob("*"))


def test_acting_as_names_somebody_else_in_all_that_is_changed(registry: LocalRegistry, put: Put) -> None:
    put("Iris:1")
    grace = registry.acting_as("grace")
    grace.set_labels(Tag("Iris", "1"), {"stage": "prod"})
    grace.set_alias(Tag("Iris", "1"), "production")
    grace.delete(Tag("Iris", "1"), force=True)
    entries = registry.list_audit(AuditQuery())
    assert {entry.actor for entry in entries if entry.action != "bundle.register"} == {"grace"}
    assert [bento.deleted_by for bento in registry.list_bentos(BentoQuery(deleted=True))] == ["grace"]
    assert registry.restore(Tag("Iris", "1")).created_by == "ada"


def test_delete_when_nothing_is_to_be_kept_purges_at_once(
    database: Database, root: Path, write_bundle: WriteBundle
) -> None:
    registry = LocalRegistry(database, FileSystemBlobStore(root), keep_deleted=timedelta(0))
    Put(registry, write_bundle)("Iris:1")
    registry.delete(Tag("Iris", "1"))
    assert trash(root) == []
    with pytest.raises(NotFound, match="it was purged"):
        registry.restore(Tag("Iris", "1"))


def test_delete_keeps_the_files_until_the_time_is_over(
    database: Database, registry: LocalRegistry, root: Path, put: Put
) -> None:
    put("Iris:1")
    put("Iris:2")
    registry.delete(Tag("Iris", "1"))
    assert len(trash(root)) == 1
    assert not (root / "Iris" / "1").exists()
    with database.write() as connection:
        connection.execute(
            sa.update(bentos)
            .where(bentos.c.version == "1")
            .values(deleted_at=datetime.now(timezone.utc) - timedelta(days=7, seconds=1))
        )
    registry.delete(Tag("Iris", "2"))
    (kept,) = registry.list_bentos(BentoQuery(deleted=True))
    assert kept.tag == "Iris:2"
    assert len(trash(root)) == 1
    (purged,) = registry.list_audit(AuditQuery(action="bundle.purge"))
    assert (purged.resource, purged.detail) == ("Iris:1", {"expired": True})


def test_restore_when_the_files_are_gone_says_so_and_restores_nothing(
    registry: LocalRegistry, root: Path, put: Put
) -> None:
    put("Iris:1")
    registry.delete(Tag("Iris", "1"))
    remove_tree(root / ".trash")
    with pytest.raises(YataiRepositoryException, match=r"Iris/1 cannot be restored: its files are not in"):
        registry.restore(Tag("Iris", "1"))
    registry.clear_away()
    assert registry.list_bentos(BentoQuery()) == []


def test_restore_when_killed_before_the_record_is_live_can_be_done_again(
    registry: LocalRegistry, root: Path, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are back, their record still says that it is deleted."""
    put("Iris:1")
    registry.delete(Tag("Iris", "1"))
    put_back = FileSystemBlobStore.put_back

    def put_back_and_die(store: FileSystemBlobStore, uri: str, uid: str) -> None:
        put_back(store, uri, uid)
        raise KeyboardInterrupt

    with monkeypatch.context() as killing:
        killing.setattr(FileSystemBlobStore, "put_back", put_back_and_die)
        with pytest.raises(KeyboardInterrupt):
            registry.restore(Tag("Iris", "1"))
    assert (root / "Iris" / "1").is_dir()
    registry.clear_away()
    assert not (root / "Iris" / "1").exists()
    assert registry.restore(Tag("Iris", "1")).tag == "Iris:1"
    assert (root / "Iris" / "1" / "bentoml.yml").is_file()
    assert trash(root) == []


def test_restore_when_somebody_clears_away_meanwhile_is_done_all_the_same(
    database: Database, registry: LocalRegistry, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("Iris:1")
    registry.delete(Tag("Iris", "1"))
    announce = RecycleBin._announce
    cleared: list[Tag] = []

    def announce_and_be_disturbed(own: RecycleBin, tag: Tag) -> None:
        announce(own, tag)
        if not cleared:
            cleared.append(tag)
            registry.clear_away()

    monkeypatch.setattr(RecycleBin, "_announce", announce_and_be_disturbed)
    assert registry.restore(Tag("Iris", "1")).tag == "Iris:1"
    assert cleared == [Tag("Iris", "1")]
    with database.read() as connection:
        assert connection is not None
        row = connection.execute(sa.select(bentos)).one()
    assert (row.deleted, row.released, row.deleted_at) == (False, False, None)
