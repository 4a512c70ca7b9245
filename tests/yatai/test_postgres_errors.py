from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from bentoml.exceptions import YataiServiceException
from bentoml.yatai.postgres_database import PostgresDatabase
from tests.postgres import PostgresServer


def name_of(database: PostgresDatabase) -> str:
    return database.place.rpartition("/")[2]


def as_role(options: str) -> Callable[[PostgresServer, str], str]:
    def make(server: PostgresServer, database: str) -> str:
        role = f"role_{database}"
        server.execute(f"CREATE ROLE {role} {options}")
        return server.url(database, user=f"{role}:s3cret")

    return make


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        pytest.param(
            lambda server, _name: server.url("missing"),
            r'"missing" does not exist; make it with: createdb',
            id="database",
        ),
        pytest.param(as_role("LOGIN PASSWORD 'other'"), "password authentication failed .*; check user", id="password"),
        pytest.param(as_role("NOLOGIN PASSWORD 's3cret'"), "not permitted to log in; ", id="no-login"),
        pytest.param(
            lambda _server, name: f"postgresql://ann:s3cret@127.0.0.1:1/{name}",
            "refused.*; start the server, or correct",
            id="no-server",
        ),
        pytest.param(
            lambda _server, name: f"postgresql://ann:s3cret@nowhere.invalid/{name}",
            "nowhere.invalid.*; start the server, or correct",
            id="no-host",
        ),
        pytest.param(as_role("LOGIN PASSWORD 's3cret'"), "permission denied .*; let the owner", id="no-permission"),
    ],
)
def test_open_when_it_fails_says_what_to_do_and_shows_no_password(
    postgres: PostgresServer,
    empty_postgres_database: PostgresDatabase,
    address: Callable[[PostgresServer, str], str],
    advice: str,
) -> None:
    opened = PostgresDatabase(address(postgres, name_of(empty_postgres_database)))
    with closing(opened), pytest.raises(YataiServiceException, match=advice) as caught, opened.write():
        pass
    assert "s3cret" not in str(caught.value)


@pytest.fixture
def latin(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    """A database whose encoding has no letters but those of western Europe."""
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with closing(PostgresDatabase(postgres.url("latin"))) as opened:
        yield opened
    postgres.execute("DROP DATABASE latin WITH (FORCE)")


def test_write_when_the_encoding_cannot_hold_all_texts_refuses(latin: PostgresDatabase) -> None:
    refused = pytest.raises(YataiServiceException, match=r"encoding LATIN1, .*createdb --encoding=UTF8")
    with refused, latin.write():
        pass


def test_write_when_the_tables_were_dropped_makes_them_again_next_time(postgres_database: PostgresDatabase) -> None:
    with postgres_database.write() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    with (
        pytest.raises(YataiServiceException, match="its tables are gone; try again"),
        postgres_database.write() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM bentos")
    with postgres_database.write() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM bentos").scalar() == 0


def test_read_only_when_the_role_may_not_write_reads(
    postgres_database: PostgresDatabase, postgres: PostgresServer
) -> None:
    name = name_of(postgres_database)
    url = as_role("LOGIN PASSWORD 's3cret'")(postgres, name)
    postgres.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO role_{name}", name)
    with closing(PostgresDatabase(url)) as reader:
        assert reader.read_only
        with reader.read() as connection:
            assert connection is not None
            assert connection.exec_driver_sql("SELECT count(*) FROM bentos").scalar() == 0
        with pytest.raises(YataiServiceException, match="permission denied"), reader.write() as connection:
            connection.exec_driver_sql("DELETE FROM locks")
    assert not postgres_database.read_only
