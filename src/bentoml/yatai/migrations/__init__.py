"""From any released schema of the catalog to the present one.

Each change is one file in `versions/`. `HEAD` names the newest, so that opening a database that is up to date needs one
comparison and no alembic. An empty SQLite database gets the tables of `schema.py` at once: to load alembic takes longer
than all the rest of the first save. A test compares what the two ways make.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bentoml.yatai.schema import metadata

if TYPE_CHECKING:
    from typing import Any

    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Connection

HEAD = "0004"

# alembic keeps the migration that runs in module globals.
_one_at_a_time = threading.Lock()


def script_directory() -> ScriptDirectory:
    """The migrations, in alembic's terms."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: Connection) -> None:
    """Bring the schema to `HEAD`, inside the transaction that `connection` has begun."""
    # What PostgreSQL needs stands in the steps alone.
    if connection.dialect.name == "sqlite" and not sa.inspect(connection).get_table_names():
        _create(connection)
    else:
        upgrade_in_steps(connection)


def _create(connection: Connection) -> None:
    """Make the present schema in an empty database."""
    metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))


def upgrade_in_steps(connection: Connection) -> None:
    """The same, from whatever is there, through every change since."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    script = script_directory()

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with _one_at_a_time, EnvironmentContext(Config(), script, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
