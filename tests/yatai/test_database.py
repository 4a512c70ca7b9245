from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLConfigException, MissingDependencyException
from bentoml.yatai.database_address import open_database


@pytest.mark.parametrize("url", [None, ""])
def test_open_when_nothing_is_configured_takes_the_default(tmp_path: Path, url: str | None) -> None:
    assert open_database(url, tmp_path / "storage.db").place == str(tmp_path / "storage.db")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        pytest.param("sqlite:////var/lib/catalog.db", "/var/lib/catalog.db", id="absolute-path"),
        pytest.param("sqlite:////var/lib/catalog.db?timeout=3", "/var/lib/catalog.db", id="with-parameters"),
        pytest.param("sqlite+pysqlite:////var/lib/catalog.db", "/var/lib/catalog.db", id="with-driver"),
        pytest.param("postgresql://ann:s%40cret@db/catalog", "postgresql://db/catalog", id="postgresql"),
        pytest.param("postgresql://ann:s3/c@ret@db/catalog", "postgresql://db/catalog", id="password-not-encoded"),
        pytest.param("postgres://ann@db:6000/catalog", "postgresql://db:6000/catalog", id="postgres"),
        pytest.param("postgresql+psycopg://db/catalog?password=secret", "postgresql://db/catalog", id="psycopg"),
        pytest.param("postgresql:///catalog?host=/run/postgresql", "postgresql:///catalog", id="unix-socket"),
    ],
)
def test_open_when_the_address_is_known_names_the_place_without_secrets(url: str, place: str) -> None:
    assert open_database(url, Path("other.db")).place == place


def test_open_when_the_path_is_relative_begins_at_the_present_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_database("sqlite:///catalog.db", Path("other.db")).place == str(tmp_path / "catalog.db")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mysql://ann:s3cret@db/catalog", id="other-kind"),
        pytest.param("postgresql+psycopg2://ann:s3cret@db/catalog", id="other-driver"),
        pytest.param("postgresql://ann:s3cret@db:port/catalog", id="port-is-no-number"),
        pytest.param("sqlite://", id="no-path"),
        pytest.param("sqlite:///:memory:", id="memory"),
        pytest.param("/var/lib/catalog.db", id="no-scheme"),
    ],
)
def test_open_when_the_address_is_of_no_use_shows_what_to_write_and_no_password(url: str) -> None:
    with pytest.raises(
        BentoMLConfigException, match=r"yatai.database.url .*; write .*postgresql://user:pass"
    ) as caught:
        open_database(url, Path("other.db"))
    assert "s3" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_open_when_the_driver_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependencyException, match=r"pip install bentoml\[postgres\]"):
        open_database("postgresql://db/catalog", Path("other.db"))
