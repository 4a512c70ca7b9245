"""Bundles written by hand, a registry to put them into, and a check that its two halves agree."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest

from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.database import Database
from bentoml.yatai.database_address import open_database
from bentoml.yatai.postgres_database import PostgresDatabase
from bentoml.yatai.repository import BentoRepository

MANIFEST = """\
version: 1.0.0
kind: BentoService
metadata:
  created_at: 2024-05-01 10:00:00.000000
  service_name: {name}
  service_version: {version}
  module_name: iris
  module_file: iris.py
env:
  python_version: 3.11.7
  pip_packages: [numpy==1.26.4]
apis:
- {{name: predict, docs: Predicts., input_type: JsonInput, output_type: DefaultOutput, mb_max_batch_size: 10,
   mb_max_latency: 1000, batch: true, route: predict}}
artifacts:
- {{name: model, artifact_type: PickleArtifact, metadata: {{accuracy: 0.9}}}}
"""


class WriteBundle(Protocol):
    def __call__(self, name: str = "Iris", version: str = "1") -> Path: ...


class Save(Protocol):
    def __call__(self, name: str = "Iris", version: str = "1", labels: dict[str, str] | None = None) -> Path: ...


@pytest.fixture
def write_bundle(tmp_path: Path) -> WriteBundle:
    """Writes a small bundle outside the registry and returns its directory."""

    def write(name: str = "Iris", version: str = "1") -> Path:
        directory = tmp_path / "bundles" / f"{name}-{version}"
        (directory / name / "artifacts").mkdir(parents=True)
        (directory / "bentoml.yml").write_text(MANIFEST.format(name=name, version=version))
        (directory / name / "iris.py").write_text("ANSWER = 42\n")
        (directory / name / "artifacts" / "model.pkl").write_bytes(b"x" * 1000)
        (directory / "docker-entrypoint.sh").write_text("#!/bin/sh\n")
        (directory / "docker-entrypoint.sh").chmod(0o755)
        return directory

    return write


@pytest.fixture
def repository(bentoml_home: Path) -> BentoRepository:
    """The bundles of the local registry."""
    return get_yatai_client().repository


@pytest.fixture
def save(repository: BentoRepository, write_bundle: WriteBundle) -> Save:
    """Registers a small bundle and returns where it is."""

    def save_one(name: str = "Iris", version: str = "1", labels: dict[str, str] | None = None) -> Path:
        return Path(repository.upload_from_dir(write_bundle(name, version), labels))

    return save_one


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database of each kind, without any bundle."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'storage.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, opened."""
    with closing(open_database(database_url, Path("none.db"))) as opened:
        yield opened


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[PostgresDatabase]:
    """A catalog in PostgreSQL, without any bundle."""
    with closing(PostgresDatabase(postgres_url)) as opened:
        yield opened


@pytest.fixture
def empty_postgres_database(empty_postgres_url: str) -> Iterator[PostgresDatabase]:
    """A database in PostgreSQL, without any table."""
    with closing(PostgresDatabase(empty_postgres_url)) as opened:
        yield opened


class CheckAgreement(Protocol):
    def __call__(self) -> set[str]: ...


@pytest.fixture
def check_agreement(bentoml_home: Path) -> CheckAgreement:
    """Asserts that catalog and disk tell the same story and nothing is left over; returns the tags."""

    def check() -> set[str]:
        root = bentoml_home / "repository"
        with closing(sqlite3.connect(bentoml_home / "storage.db")) as connection:
            live = connection.execute(
                "SELECT name, version, uri, upload_status FROM bentos WHERE NOT deleted"
            ).fetchall()
            unreleased = connection.execute("SELECT name FROM bentos WHERE deleted AND NOT released").fetchall()
            kept = connection.execute("SELECT uid FROM bentos WHERE deleted AND NOT purged").fetchall()
            locks = connection.execute("SELECT resource_id FROM locks").fetchall()
            (health,) = connection.execute("PRAGMA integrity_check").fetchone()
        on_disk = {str(path) for path in root.glob("[!.]*/*")}
        assert health == "ok"
        assert {uri for _name, _version, uri, _status in live} == on_disk
        assert {status for *_rest, status in live} <= {"DONE"}
        assert unreleased == []
        assert locks == []
        assert [*(root / ".staging").glob("*")] == []
        assert {path.name for path in (root / ".trash").glob("*")} <= {uid for (uid,) in kept}
        return {f"{name}:{version}" for name, version, _uri, _status in live}

    return check
