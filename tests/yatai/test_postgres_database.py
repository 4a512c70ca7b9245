from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa

from bentoml.exceptions import YataiServiceException
from bentoml.yatai import migrations, schema
from bentoml.yatai.postgres_database import _WRITE, PostgresDatabase
from tests.postgres import PostgresServer

COUNT_UP_AT_ONCE = """
import sys
from bentoml.yatai.postgres_database import PostgresDatabase
database = PostgresDatabase(sys.argv[1])
print("ready", flush=True)
input()
for _ in range(int(sys.argv[2])):
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS counter (n integer)")
        value = connection.exec_driver_sql("SELECT max(n) FROM counter").scalar()
        connection.exec_driver_sql(f"INSERT INTO counter VALUES ({(value or 0) + 1})")
"""

WRITE_AND_HANG = """
import sys
from bentoml.yatai.postgres_database import PostgresDatabase
with PostgresDatabase(sys.argv[1]).write() as connection:
    connection.exec_driver_sql("INSERT INTO counter VALUES (7)")
    print("writing", flush=True)
    input()
"""


def name_of(database: PostgresDatabase) -> str:
    return database.place.rpartition("/")[2]


def tables(database: PostgresDatabase) -> set[str]:
    with database.read() as connection:
        return set() if connection is None else set(sa.inspect(connection).get_table_names())


def test_read_when_nothing_was_made_gives_none_and_makes_nothing(empty_postgres_database: PostgresDatabase) -> None:
    with empty_postgres_database.read() as connection:
        assert connection is None
    assert tables(empty_postgres_database) == set()


def differences(connection: sa.Connection) -> list[Any]:
    """What alembic would change so that the tables are those of the code."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, schema.metadata))


def test_write_when_database_is_empty_makes_the_schema_of_the_code(empty_postgres_database: PostgresDatabase) -> None:
    with empty_postgres_database.write() as connection:
        assert differences(connection) == []
        unique = connection.exec_driver_sql("SELECT indexdef FROM pg_indexes WHERE indexname = 'uq_bentos_live_tag'")
        assert "WHERE (NOT deleted)" in unique.scalar_one()
    assert tables(empty_postgres_database) == {"alembic_version", *schema.metadata.tables}


def test_write_when_block_raises_keeps_nothing(postgres_database: PostgresDatabase) -> None:
    def write_and_fail() -> None:
        with postgres_database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE marks (pid INTEGER)")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    assert "marks" not in tables(postgres_database)


def test_read_when_another_writes_meanwhile_sees_one_state(postgres_database: PostgresDatabase) -> None:
    with postgres_database.read() as reader:
        assert reader is not None
        before = reader.execute(sa.select(sa.func.count()).select_from(schema.locks)).scalar()
        with postgres_database.write() as writer:
            writer.exec_driver_sql(
                "INSERT INTO locks (resource_id, lock_status, holder, owner, ttl) VALUES ('a', 'b', 'c', 'd', now())"
            )
        assert reader.execute(sa.select(sa.func.count()).select_from(schema.locks)).scalar() == before == 0
        refused = pytest.raises(YataiServiceException, match="read-only transaction; connect to a server that takes")
        with refused, postgres_database.read() as other:
            assert other is not None
            other.exec_driver_sql("DELETE FROM locks")


@pytest.mark.parametrize("durable", [True, False])
def test_write_when_durable_waits_for_the_disk(postgres_database: PostgresDatabase, durable: bool) -> None:
    with postgres_database.write(durable=durable) as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == ("on" if durable else "off")


def test_write_when_many_processes_make_and_change_the_database_loses_no_change(
    empty_postgres_url: str, empty_postgres_database: PostgresDatabase
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT_UP_AT_ONCE, empty_postgres_url, "20"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    results = [(process.communicate("\n")[1], process.returncode) for process in processes]
    assert results == [("", 0)] * 4
    with empty_postgres_database.read() as connection:
        assert connection is not None
        numbers = connection.exec_driver_sql("SELECT n FROM counter ORDER BY n").scalars().all()
    assert numbers == list(range(1, 81))


def test_write_when_the_writer_before_was_killed_goes_on_without_its_change(
    postgres_database: PostgresDatabase, postgres_url: str
) -> None:
    with postgres_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (n integer)")
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_HANG, postgres_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        writer.send_signal(signal.SIGKILL)
        with postgres_database.write() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM counter").scalar() == 0


def test_write_when_another_never_lets_go_gives_up(
    postgres_database: PostgresDatabase, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = tuple(part.replace("60s", "50ms") for part in _WRITE)
    with closing(PostgresDatabase(postgres_url)) as other, other.write():
        monkeypatch.setattr("bentoml.yatai.postgres_database._WRITE", impatient)
        with (
            pytest.raises(YataiServiceException, match="another process has kept it locked"),
            postgres_database.write(),
        ):
            pass


def test_write_when_its_process_stops_in_the_middle_is_undone(
    postgres_database: PostgresDatabase, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = tuple(part.replace("60s", "50ms") for part in _WRITE if "lock_timeout" not in part)
    monkeypatch.setattr("bentoml.yatai.postgres_database._WRITE", impatient)
    other = PostgresDatabase(postgres_url)

    def dawdle() -> None:
        with postgres_database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE marks (pid INTEGER)")
            with closing(other), other.write():  # waits until the server has ended the transaction above
                pass
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(YataiServiceException, match=r"cannot be used: .*try again"):
        dawdle()
    assert "marks" not in tables(postgres_database)


def test_connections_when_the_server_has_dropped_them_are_replaced(
    postgres_database: PostgresDatabase, postgres: PostgresServer
) -> None:
    with postgres_database.write():
        pass
    ended = postgres.execute(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name_of(postgres_database)}'"
    )
    assert ended == [(True,)]
    with postgres_database.write() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_connections_when_threads_want_more_than_there_are_wait_for_each_other(
    postgres_database: PostgresDatabase,
) -> None:
    failures: list[BaseException] = []

    def count_up() -> None:
        try:
            with postgres_database.write() as connection:
                connection.exec_driver_sql("INSERT INTO marks SELECT count(*) FROM marks")
        except BaseException as error:  # noqa: BLE001 - the test shows it
            failures.append(error)

    with postgres_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE marks (n INTEGER)")
    threads = [threading.Thread(target=count_up) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with postgres_database.read() as reader:
        assert reader is not None
        assert reader.exec_driver_sql("SELECT n FROM marks ORDER BY n").scalars().all() == list(range(30))


def backend_of(database: PostgresDatabase) -> int:
    with database.write() as connection:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def test_connections_after_a_fork_are_not_shared(postgres_database: PostgresDatabase) -> None:
    before = backend_of(postgres_database)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put([backend_of(postgres_database), backend_of(postgres_database)]))
    child.start()
    first, second = queue.get()
    child.join()
    assert child.exitcode == 0
    assert first == second != before
    assert backend_of(postgres_database) == before


def test_connections_when_nobody_uses_the_database_any_more_are_closed(
    postgres_url: str, postgres: PostgresServer
) -> None:
    database = PostgresDatabase(postgres_url)
    backend = backend_of(database)
    name = name_of(database)
    del database
    gc.collect()
    # A new connection to the server is made after the old one was told to end, which takes it a moment.
    postgres.execute(f"SELECT pg_terminate_backend({backend}, 5000)")
    assert postgres.execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'") == [(0,)]


def test_open_when_schema_is_newer_refuses(postgres_database: PostgresDatabase, postgres_url: str) -> None:
    with postgres_database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    refused = pytest.raises(YataiServiceException, match=r"newer version of bentoml .*use another database")
    with closing(PostgresDatabase(postgres_url)) as opened, refused:
        tables(opened)


@pytest.mark.parametrize(
    ("released", "rows", "purged"),
    [
        pytest.param("0001", "bento", True, id="0001"),
        pytest.param("0002", "bento deployment", False, id="0002"),
    ],
)
def test_open_when_schema_is_of_an_older_version_upgrades_it(
    empty_postgres_database: PostgresDatabase,
    empty_postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    released: str,
    rows: str,
    purged: bool,
) -> None:
    with monkeypatch.context() as older:
        script = migrations.script_directory()
        for revision in script.walk_revisions():
            if revision.revision > released:
                older.setattr(revision.module, "upgrade", lambda: None)
        older.setattr(migrations, "script_directory", lambda: script)
        with empty_postgres_database.write():
            pass
    with empty_postgres_database.write() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{released}'")
        for row in rows.split():
            connection.exec_driver_sql(ROWS[row])
    with closing(PostgresDatabase(empty_postgres_url)) as opened, opened.write() as connection:
        bentos = connection.execute(sa.select(schema.bentos)).all()
        deployments = connection.execute(sa.select(schema.deployments)).all()
        assert differences(connection) == []
    assert [(row.name, row.deleted, row.purged, row.created_by) for row in bentos] == [("Iris", True, purged, "")]
    assert [(row.name, row.revision, row.resources, row.created_by) for row in deployments] == [
        ("iris", 1, None, "") for row in rows.split() if row == "deployment"
    ]


ROWS = {
    "bento": """
INSERT INTO bentos (uid, name, version, uri, uri_type, bento_service_metadata, created_at, upload_status,
    status_updated_at, error_message, owner, upload_expires_at, deleted, released)
VALUES ('0', 'Iris', '1', '/Iris/1', 'LOCAL', '{}', now(), 'DONE', now(), '', '', now(), true, true)
""",
    "deployment": """
INSERT INTO deployments (name, namespace, operator, bento_name, bento_version, spec, state, annotations, created_at,
    last_updated_at)
VALUES ('iris', 'dev', 'AWS_LAMBDA', 'Iris', '1', '{}', '{}', '{}', now(), now())
""",
}


def test_ready_for_other_processes_after_a_fork_and_exit(postgres_database: PostgresDatabase) -> None:
    """A child that ends must not end the connections of its parent."""
    backend = backend_of(postgres_database)
    child = os.fork()
    if child == 0:
        postgres_database.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert backend_of(postgres_database) == backend
