from __future__ import annotations

from pathlib import Path

from bentoml.yatai import migrations, schema
from bentoml.yatai.database import Database


def test_head_is_the_newest_revision() -> None:
    assert migrations.script_directory().get_heads() == [migrations.HEAD]


def test_upgrade_of_an_empty_database_makes_the_schema_of_the_code(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    database = Database(tmp_path / "storage.db")
    with database.write() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []
        indexes = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index'").fetchall()
    assert "WHERE deleted = 0" in dict(tuple(row) for row in indexes)["uq_bentos_live_tag"]
