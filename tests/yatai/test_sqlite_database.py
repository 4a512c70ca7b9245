from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from bentoml.exceptions import YataiServiceException
from bentoml.yatai import schema
from bentoml.yatai.database import CatalogUnavailable
from bentoml.yatai.sqlite_database import SqliteDatabase

OPEN_AT_ONCE = """
import sys
from pathlib import Path
from bentoml.yatai.sqlite_database import SqliteDatabase
database = SqliteDatabase(Path(sys.argv[1]))
print("ready", flush=True)
input()
with database.write() as connection:
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS marks (pid INTEGER)")
    connection.exec_driver_sql("INSERT INTO marks VALUES (1)")
"""

# What is imported late is imported here by the rehearsal, because nobody may not read root's Python.
READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from bentoml.exceptions import BentoMLException
from bentoml.yatai.sqlite_database import SqliteDatabase
with SqliteDatabase(Path(sys.argv[2])).write():
    pass
os.setgid(65534)
os.setuid(65534)
database = SqliteDatabase(Path(sys.argv[1]))
with database.read() as connection:
    print("no catalog" if connection is None else connection.exec_driver_sql("SELECT count(*) FROM locks").scalar())
try:
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO locks (resource_id) VALUES ('a')")
except BentoMLException as error:
    print(error)
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A directory that every user can enter, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def use(database: SqliteDatabase, operation: str) -> None:
    with getattr(database, operation)() as connection:
        if connection is not None:
            connection.exec_driver_sql("SELECT * FROM bentos").all()


def make(path: Path) -> SqliteDatabase:
    database = SqliteDatabase(path)
    with database.write():
        pass
    return database


def test_read_when_no_file_gives_none_and_makes_nothing(tmp_path: Path) -> None:
    with SqliteDatabase(tmp_path / "home" / "storage.db").read() as connection:
        assert connection is None
    assert list(tmp_path.iterdir()) == []


def test_write_when_no_file_makes_the_schema_in_wal_mode(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "home" / "storage.db")
    with database.write() as connection:
        assert set(sa.inspect(connection).get_table_names()) == {"alembic_version", *schema.metadata.tables}
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_write_when_block_raises_keeps_nothing(tmp_path: Path) -> None:
    database = make(tmp_path / "storage.db")

    def write_and_fail() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE marks (pid INTEGER)")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_and_fail()
    with database.read() as reader:
        assert reader is not None
        assert "marks" not in sa.inspect(reader).get_table_names()


def test_write_when_another_writes_sees_its_commit(tmp_path: Path) -> None:
    database, other = make(tmp_path / "storage.db"), SqliteDatabase(tmp_path / "storage.db")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE marks (pid INTEGER)")
        with other.read() as reader:
            assert reader is not None
            assert "marks" not in sa.inspect(reader).get_table_names()
    with other.write() as connection:
        assert "marks" in sa.inspect(connection).get_table_names()


def test_write_when_database_was_deleted_meanwhile_makes_it_again(tmp_path: Path) -> None:
    database = make(tmp_path / "storage.db")
    for file in tmp_path.iterdir():
        file.unlink()
    with database.write() as connection:
        assert "bentos" in sa.inspect(connection).get_table_names()


def test_write_when_another_holds_the_new_file_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "storage.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("CREATE TABLE marks (pid INTEGER)")
        monkeypatch.setattr(time, "sleep", lambda _: holder.execute("COMMIT"))
        use(SqliteDatabase(path), "write")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_write_when_another_never_lets_go_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bentoml.yatai.sqlite_database._BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "storage.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        holder.execute("CREATE TABLE marks (pid INTEGER)")
        with pytest.raises(YataiServiceException, match="another process kept it locked"):
            use(SqliteDatabase(path), "write")


def test_threads_write_one_after_the_other_whichever_object_they_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = SqliteDatabase(tmp_path / "storage.db"), SqliteDatabase(tmp_path / "storage.db")
    use(one, "write")
    use(other, "write")
    with ThreadPoolExecutor(1) as thread:
        with one.write(), monkeypatch.context() as patch:
            patch.setattr("bentoml.yatai.sqlite_database._BUSY_TIMEOUT_S", 0.05)
            with pytest.raises(CatalogUnavailable, match="another thread kept it locked"):
                thread.submit(use, other, "write").result()
        thread.submit(use, other, "write").result()


def test_write_when_many_processes_make_the_database_at_once_all_succeed(tmp_path: Path) -> None:
    path = tmp_path / "storage.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_AT_ONCE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    results = [process.communicate() for process in processes]
    assert [(process.returncode, error) for process, (_, error) in zip(processes, results, strict=True)] == [
        (0, "")
    ] * 6
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM marks").fetchone() == (6,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_open_when_schema_is_up_to_date_imports_no_alembic(tmp_path: Path) -> None:
    path = tmp_path / "storage.db"
    make(path)
    code = (
        "import sys; from pathlib import Path; from bentoml.yatai.sqlite_database import SqliteDatabase\n"
        "database = SqliteDatabase(Path(sys.argv[1]))\n"
        "with database.write() as connection: pass\n"
        "with database.read() as connection: pass\n"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("operation", ["read", "write"])
def test_open_when_file_is_no_database_says_what_to_do(tmp_path: Path, operation: str) -> None:
    path = tmp_path / "storage.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(
        YataiServiceException, match=r"storage\.db cannot be used: file is not a database; .*Move it away"
    ):
        use(SqliteDatabase(path), operation)


def test_read_when_pages_are_damaged_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "storage.db"
    make(path)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(bytes(content))
    with pytest.raises(YataiServiceException, match=r"malformed.*Move it away"):
        use(SqliteDatabase(path), "read")


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        pytest.param("disk I/O error", "check the disk and its free space", id="i-o-error"),
        pytest.param("database or disk is full", "free some space", id="full"),
        pytest.param("database is locked", "another process kept it locked", id="locked"),
    ],
)
def test_read_when_the_system_fails_does_not_blame_the_file(tmp_path: Path, reason: str, advice: str) -> None:
    database = SqliteDatabase(tmp_path / "storage.db")
    make(database.path)
    with pytest.raises(YataiServiceException, match=advice) as caught, database.read():
        raise sqlite3.OperationalError(reason)
    assert "Move it away" not in str(caught.value)


@pytest.mark.parametrize("operation", ["read", "write"])
def test_open_when_schema_is_newer_refuses(tmp_path: Path, operation: str) -> None:
    path = tmp_path / "storage.db"
    make(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(YataiServiceException, match=r"newer version of bentoml .*upgrade bentoml"):
        use(SqliteDatabase(path), operation)


def test_write_when_directory_cannot_be_made_says_which(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(YataiServiceException, match=r"home/storage.db cannot be made: .*BENTOML_HOME"):
        use(SqliteDatabase(tmp_path / "home" / "storage.db"), "write")


@needs_root
@pytest.mark.parametrize("exists", [True, False], ids=["catalog", "no-catalog"])
def test_open_when_home_is_read_only_reads_and_refuses_to_write(public_path: Path, exists: bool) -> None:
    home = public_path / "home"
    home.mkdir()
    if exists:
        make(home / "storage.db")
    home.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", READ_AS_NOBODY, str(home / "storage.db"), str(public_path / "rehearsal.db")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == ("0" if exists else "no catalog")
    assert "storage.db cannot be used" in second
    assert "writable" in second


@needs_root
def test_open_when_home_cannot_be_entered_says_which(public_path: Path) -> None:
    home = public_path / "home"
    home.mkdir(mode=0o700)
    make(home / "storage.db")
    done = subprocess.run(
        [sys.executable, "-c", READ_AS_NOBODY, str(home / "storage.db"), str(public_path / "rehearsal.db")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "home/storage.db cannot be reached: Permission denied" in done.stderr.splitlines()[-1]
