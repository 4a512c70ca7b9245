from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from bentoml.exceptions import NotFound, YataiRepositoryException, YataiServiceRpcAborted
from bentoml.service.metadata import ArtifactMetadata, BentoServiceMetadata
from bentoml.types import Tag
from bentoml.yatai.catalog import UPLOAD_LIFETIME, Catalog
from bentoml.yatai.database import Database
from bentoml.yatai.models import Bento, BentoUri, SortBy, UploadState
from bentoml.yatai.owner import Owner
from bentoml.yatai.records import Record
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.schema import bentos
from bentoml.yatai.sqlite_database import SqliteDatabase

TAG = Tag("Iris", "1")
METADATA = BentoServiceMetadata(name="Iris", version="1")
URI = BentoUri(BentoUri.LOCAL, "/repository/Iris/1")
ALL = BentoQuery(limit=None)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2024, 5, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalog(database: Database, clock: Clock) -> Catalog:
    return Catalog(database, clock)


@pytest.fixture
def vacated() -> list[Record]:
    """The records whose files were taken away, in order."""
    return []


def add(catalog: Catalog, vacated: list[Record], metadata: BentoServiceMetadata = METADATA) -> Record:
    return catalog.add(metadata, URI, vacated.append)


def publish(catalog: Catalog, record: Record) -> None:
    with catalog.publishing(record):
        pass


def register(catalog: Catalog, name: str = "Iris", version: str = "1") -> Bento:
    metadata = dataclasses.replace(METADATA, name=name, version=version)
    publish(catalog, catalog.add(metadata, URI, lambda _record: None))
    return catalog.find(Tag(name, version))


def disown(database: Database, record: Record) -> None:
    """Make a record one of a process that nobody here can see."""
    foreign = dataclasses.replace(Owner.current(), host="elsewhere").token
    with database.write() as connection:
        connection.execute(sa.update(bentos).where(bentos.c.id == record.id).values(owner=foreign))


def test_add_when_not_published_is_seen_by_nobody_but_deletion(catalog: Catalog, vacated: list[Record]) -> None:
    add(catalog, vacated)
    assert catalog.list_bentos(ALL) == []
    for version in ("1", "latest"):
        with pytest.raises(NotFound):
            catalog.find(Tag("Iris", version))
    assert catalog.matching_tags(ALL) == [TAG]


def test_publishing_makes_the_record_done(catalog: Catalog, vacated: list[Record], clock: Clock) -> None:
    record = add(catalog, vacated)
    added_at = clock.now
    clock.now += timedelta(seconds=5)
    publish(catalog, record)
    bento = catalog.find(TAG)
    assert bento.status.status is UploadState.DONE
    assert (bento.created_at, bento.status.updated_at) == (added_at, clock.now)


def test_publishing_when_block_raises_leaves_the_record_as_it_was(catalog: Catalog, vacated: list[Record]) -> None:
    record = add(catalog, vacated)

    def fail() -> None:
        with catalog.publishing(record):
            raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="disk on fire"):
        fail()
    assert catalog.list_bentos(ALL) == []


def test_publishing_when_deleted_meanwhile_refuses(catalog: Catalog, vacated: list[Record]) -> None:
    record = add(catalog, vacated)
    catalog.retire(TAG)
    with pytest.raises(YataiRepositoryException, match="Iris:1 was deleted while it was being saved"):
        publish(catalog, record)


def test_add_when_done_is_aborted(catalog: Catalog, vacated: list[Record]) -> None:
    register(catalog)
    with pytest.raises(YataiServiceRpcAborted, match=r"^BentoService bundle: Iris:1 already exists$"):
        add(catalog, vacated)
    assert vacated == []


def test_add_when_an_upload_is_going_on_is_aborted(catalog: Catalog, vacated: list[Record]) -> None:
    add(catalog, vacated)
    with pytest.raises(YataiServiceRpcAborted, match="already exists"):
        add(catalog, vacated)


def test_add_when_the_upload_failed_replaces_it_and_vacates_its_place(catalog: Catalog, vacated: list[Record]) -> None:
    failed = add(catalog, vacated)
    catalog.fail(failed, "disk full")
    publish(catalog, add(catalog, vacated))
    assert vacated == [failed]
    assert catalog.unreleased() == []
    assert len(catalog.list_bentos(ALL)) == 1


@pytest.mark.parametrize(("elapsed", "free"), [(UPLOAD_LIFETIME / 2, False), (UPLOAD_LIFETIME, True)], ids=str)
def test_add_when_uploader_cannot_be_seen_waits_for_its_expiry(
    catalog: Catalog, database: Database, vacated: list[Record], clock: Clock, elapsed: timedelta, free: bool
) -> None:
    lost = add(catalog, vacated)
    disown(database, lost)
    clock.now += elapsed
    if free:
        add(catalog, vacated)
        assert vacated == [lost]
    else:
        with pytest.raises(YataiServiceRpcAborted):
            add(catalog, vacated)


def test_add_when_deleted_but_not_released_vacates_first(catalog: Catalog, vacated: list[Record]) -> None:
    register(catalog)
    catalog.retire(TAG)
    assert catalog.unreleased() == [TAG]
    add(catalog, vacated)
    assert [record.tag for record in vacated] == [TAG]
    assert catalog.unreleased() == []


def test_add_when_vacating_fails_changes_nothing(catalog: Catalog, vacated: list[Record]) -> None:
    catalog.fail(add(catalog, vacated), "disk full")

    def fail(_record: Record) -> None:
        raise YataiRepositoryException("no permission")

    with pytest.raises(YataiRepositoryException, match="no permission"):
        catalog.add(METADATA, URI, fail)
    assert catalog.matching_tags(ALL) == [TAG]
    assert catalog.unreleased() == []


def test_release_when_released_before_does_nothing(catalog: Catalog, vacated: list[Record]) -> None:
    register(catalog)
    catalog.retire(TAG)
    catalog.release(TAG, vacated.append)
    catalog.release(TAG, vacated.append)
    assert len(vacated) == 1


def test_release_when_the_tag_is_in_use_again_spares_it(catalog: Catalog, vacated: list[Record]) -> None:
    register(catalog)
    catalog.retire(TAG)
    register(catalog)
    catalog.release(TAG, vacated.append)
    assert vacated == []


def test_retire_when_unknown_says_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="BentoService Iris:1 not found - NOT_FOUND:"):
        catalog.retire(TAG)


def test_retire_stale_removes_failed_and_expired_uploads_only(
    catalog: Catalog, database: Database, vacated: list[Record], clock: Clock
) -> None:
    register(catalog, version="done")
    lost = add(catalog, vacated, dataclasses.replace(METADATA, version="lost"))
    disown(database, lost)
    clock.now += UPLOAD_LIFETIME
    add(catalog, vacated, dataclasses.replace(METADATA, version="going-on"))
    catalog.fail(add(catalog, vacated, dataclasses.replace(METADATA, version="failed")), "disk full")
    catalog.retire_stale()
    assert {tag.version for tag in catalog.matching_tags(ALL)} == {"done", "going-on"}
    assert {tag.version for tag in catalog.unreleased()} == {"lost", "failed"}


def test_list_when_created_at_the_same_moment_keeps_the_order_of_registration(catalog: Catalog) -> None:
    for version in ("b", "a", "c"):
        register(catalog, version=version)
    assert [bento.version for bento in catalog.list_bentos(ALL)] == ["c", "a", "b"]
    assert catalog.find(Tag("Iris", "latest")).version == "c"
    assert [bento.version for bento in catalog.list_bentos(dataclasses.replace(ALL, sort_by=SortBy.NAME))] == [*"cab"]


def test_find_when_the_clock_was_set_back_latest_is_by_time(catalog: Catalog, clock: Clock) -> None:
    register(catalog, version="first")
    clock.now -= timedelta(days=1)
    register(catalog, version="second")
    assert catalog.find(Tag("Iris", "latest")).version == "first"


def test_find_gives_back_the_metadata(catalog: Catalog, vacated: list[Record]) -> None:
    metadata = BentoServiceMetadata(
        name="Iris",
        version="1",
        created_at=datetime(2024, 5, 1, 10, 0, 0, 123456, tzinfo=timezone.utc),
        artifacts=(ArtifactMetadata("model", "PickleArtifact", {"größe": [1, 2.5, None], "nested": {"a": True}}),),
        labels={"team": "vision", "stage": "dev-1"},
    )
    publish(catalog, add(catalog, vacated, metadata))
    assert catalog.find(TAG).bento_service_metadata == metadata


def test_find_when_metadata_was_not_plain_json_gives_text(catalog: Catalog, vacated: list[Record]) -> None:
    metadata = dataclasses.replace(METADATA, artifacts=(ArtifactMetadata("model", "Pickle", {"a": Decimal("0.10")}),))
    publish(catalog, add(catalog, vacated, metadata))
    assert catalog.find(TAG).bento_service_metadata.artifacts[0].metadata == {"a": "0.10"}


def test_insert_when_the_tag_is_live_is_refused_by_the_database(
    catalog: Catalog, database: Database, vacated: list[Record]
) -> None:
    record = add(catalog, vacated)

    def copy_row() -> None:
        with database.write() as connection:
            row = connection.execute(sa.select(bentos).where(bentos.c.id == record.id)).mappings().one()
            connection.execute(sa.insert(bentos).values({**row, "id": record.id + 1, "uid": "other"}))

    with pytest.raises(sa.exc.IntegrityError, match=r"bentos\.name, bentos\.version|uq_bentos_live_tag"):
        copy_row()


def test_list_when_the_catalog_is_large_stays_quick(tmp_path: Path) -> None:
    """Every page and label query must use an index; a full scan shows in the plan whatever the machine."""
    database = SqliteDatabase(tmp_path / "storage.db")
    register(Catalog(database))
    queries = [
        "deleted = 0 AND upload_status = 'DONE' ORDER BY created_at DESC, id DESC LIMIT 40",
        "deleted = 0 AND upload_status = 'DONE' AND name = 'Iris' ORDER BY created_at DESC, id DESC LIMIT 40",
        "deleted = 0 AND upload_status = 'DONE' ORDER BY name, created_at DESC, id DESC LIMIT 40",
        "deleted = 0 AND upload_status = 'DONE' ORDER BY name DESC, created_at DESC, id DESC LIMIT 40",
        "deleted = 0 AND name = 'Iris' AND version = '1'",
        "deleted = 1 AND released = 0",
    ]
    with database.read() as connection:
        assert connection is not None
        for query in queries:
            plan = " ".join(
                row.detail
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN SELECT * FROM bentos WHERE {query}")
            )
            assert "USING INDEX" in plan, query
            assert "TEMP B-TREE" not in plan, query
