from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bentoml.types import Tag
from bentoml.yatai import migrations, schema
from bentoml.yatai.catalog import Catalog
from bentoml.yatai.models import UriType
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.sqlite_database import SqliteDatabase

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

# What each released version has written to its database: three bundles, of which Iris:2 was deleted and added again.
RELEASED = Path(__file__).parent / "data"


def made_tables(connection: Connection) -> dict[str, tuple[str, list[str]]]:
    """The text of every table and index by name: its beginning, and its columns and constraints sorted."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    made = {}
    for name, text in rows:
        beginning, _, parts = re.sub(r"\s+", " ", text).partition("(")
        made[name] = (beginning.strip(), sorted(part.strip(" )") for part in parts.split(", ")))
    return made


def test_head_is_the_newest_revision() -> None:
    assert migrations.script_directory().get_heads() == [migrations.HEAD]


def differences(connection: sa.Connection) -> list[Any]:
    """What alembic would change so that the tables are those of the code."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    # alembic cannot see how the columns of an index are sorted in SQLite; `made_tables` can.
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_object": lambda _object, name, *_: name != "ix_bentos_listing_by_name_newest",
    }
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, schema.metadata))


def test_upgrade_of_an_empty_database_makes_the_schema_of_the_code(tmp_path: Path) -> None:
    with SqliteDatabase(tmp_path / "storage.db").write() as connection:
        assert differences(connection) == []
        indexes = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index'").fetchall()
    assert "WHERE deleted = 0" in dict(tuple(row) for row in indexes)["uq_bentos_live_tag"]


@pytest.fixture(params=["0001", "0002"])
def released(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteDatabase:
    """A database as the version of the library with that schema left it."""
    path = tmp_path / "storage.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((RELEASED / f"catalog-{request.param}.sql").read_text())
    return SqliteDatabase(path)


def test_upgrade_of_a_released_database_makes_the_schema_of_the_code(released: SqliteDatabase) -> None:
    with released.write() as connection:
        assert differences(connection) == []
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == migrations.HEAD


def test_upgrade_of_a_released_database_keeps_what_is_registered(released: SqliteDatabase) -> None:
    catalog = Catalog(released)
    found = {
        bento.tag: dict(bento.bento_service_metadata.labels) for bento in catalog.list_bentos(BentoQuery(limit=None))
    }
    assert found == {"Iris:1": {"team": "vision", "stage": "prod"}, "Iris:2": {"team": "audio"}, "Wine:1": {}}
    iris = catalog.find(Tag("Iris", "latest"))
    assert (iris.version, iris.uri.type, iris.uri.uri) == ("2", UriType.LOCAL, "/home/ann/bentoml/repository/Iris/2")
    assert [artifact.metadata for artifact in iris.bento_service_metadata.artifacts] == [{"accuracy": 0.9}]


@pytest.mark.parametrize("released", ["0001"], indirect=True)
def test_upgrade_of_the_first_version_takes_what_was_deleted_as_gone_for_good(released: SqliteDatabase) -> None:
    with released.read() as connection:
        assert connection is not None
        rows = connection.execute(sa.select(schema.bentos).order_by(schema.bentos.c.id)).all()
    assert [(row.name, row.version, row.deleted, row.purged) for row in rows] == [
        ("Iris", "1", False, False),
        ("Iris", "2", True, True),
        ("Wine", "1", False, False),
        ("Iris", "2", False, False),
    ]
    assert {(row.tree_digest, row.size_bytes, row.created_by, row.deleted_at, row.deleted_by) for row in rows} == {
        (None, None, "", None, "")
    }


@pytest.mark.parametrize("released", ["0002"], indirect=True)
def test_upgrade_of_the_second_version_keeps_aliases_and_what_can_be_restored(released: SqliteDatabase) -> None:
    catalog = Catalog(released)
    assert catalog.find(Tag.parse("Iris@production")).version == "1"
    (deleted,) = catalog.list_bentos(BentoQuery(deleted=True))
    assert (deleted.tag, deleted.deleted_by, deleted.size_bytes) == ("Iris:2", "ann", 1476)


def test_empty_database_becomes_what_all_steps_make(tmp_path: Path) -> None:
    with sa.create_engine(f"sqlite:///{tmp_path / 'at-once.db'}", poolclass=sa.NullPool).begin() as connection:
        migrations.upgrade(connection)
        at_once = made_tables(connection)
        versions = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall()
    with sa.create_engine(f"sqlite:///{tmp_path / 'steps.db'}", poolclass=sa.NullPool).begin() as connection:
        migrations.upgrade_in_steps(connection)
        assert made_tables(connection) == at_once
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall() == versions
    assert {"alembic_version", "bentos", "labels", "locks", "uq_bentos_live_tag"} <= at_once.keys()


def test_database_with_a_table_of_somebody_else_goes_through_the_steps(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "storage.db")
    with sa.create_engine(f"sqlite:///{database.path}", poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    with database.write() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == migrations.HEAD
        assert {"bentos", "labels", "locks"} <= set(sa.inspect(connection).get_table_names())


def test_first_save_loads_no_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from bentoml.yatai.sqlite_database import SqliteDatabase\n"
        f"with SqliteDatabase(Path({str(tmp_path / 'storage.db')!r})).write() as connection:\n"
        "    connection.exec_driver_sql('SELECT * FROM bentos')\n"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
