"""How long pages, searches and counts take in a catalog with many bundles, on SQLite and on PostgreSQL.

    python -m benchmarks.yatai_listing --bundles 100000 [--postgres postgresql://user@host/empty-database]

Each number is in milliseconds: the median and the longest of some runs of one call of `Catalog`, with a transaction of
its own, and with the records made into objects.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from benchmarks.plain_table import markdown_table
from bentoml.service.metadata import ArtifactMetadata, BentoServiceMetadata
from bentoml.yatai.catalog import Catalog
from bentoml.yatai.database_address import open_database
from bentoml.yatai.labels import parse_label_query
from bentoml.yatai.models import SortBy
from bentoml.yatai.records import metadata_document
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.schema import aliases, bento_texts, bentos, labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bentoml.yatai.database import Database

RUNS = 15
AT_ONCE = 5000
SERVICES = 200
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
TEAMS = ("vision", "audio", "fraud", "search", "growth")
STAGES = ("dev", "dev", "dev", "test", "prod")


def fill(database: Database, bundles: int) -> None:
    """Put so many bundles into an empty catalog: 200 names, 3 to 4 labels each, one in 1000 with an alias."""
    chance = random.Random(7)
    with database.write() as connection:
        for first in range(1, bundles + 1, AT_ONCE):
            some = [_bundle(chance, number) for number in range(first, min(first + AT_ONCE, bundles + 1))]
            connection.execute(sa.insert(bentos), [row for row, _labels in some])
            connection.execute(sa.insert(labels), [label for row, found in some for label in _label_rows(row, found)])
            connection.execute(sa.insert(bento_texts), [_text(row, found) for row, found in some])
            named = [row for row, _labels in some if row["id"] % 1000 == 0]
            if named:
                connection.execute(sa.insert(aliases), [_alias(row) for row in named])
        connection.exec_driver_sql("ANALYZE")


def _bundle(chance: random.Random, number: int) -> tuple[dict[str, Any], dict[str, str]]:
    name, version = f"Service{number % SERVICES:03d}", f"{START + timedelta(minutes=number):%Y%m%d%H%M%S}_{number:06X}"
    found = {"team": chance.choice(TEAMS), "stage": chance.choice(STAGES), "run": f"r{number:07d}"}
    if number % 5000 == 0:
        found["golden"] = "yes"
    at = START + timedelta(minutes=number)
    artifacts = (ArtifactMetadata("model", "SklearnModelArtifact", {"accuracy": round(chance.random(), 4)}),)
    row = {
        "id": number,
        "uid": f"{number:032x}",
        "name": name,
        "version": version,
        "uri": f"/srv/repository/{name}/{version}",
        "uri_type": "LOCAL",
        "bento_service_metadata": metadata_document(
            BentoServiceMetadata(name=name, version=version, artifacts=artifacts)
        ),
        "created_at": at,
        "upload_status": "DONE",
        "status_updated_at": at,
        "error_message": "",
        "owner": "",
        "upload_expires_at": at,
        "deleted": False,
        "released": False,
    }
    return row, found


def _label_rows(row: dict[str, Any], found: dict[str, str]) -> Iterator[dict[str, Any]]:
    for key, value in found.items():
        yield {"resource_type": "bento", "resource_id": row["id"], "key": key, "value": value}


def _text(row: dict[str, Any], found: dict[str, str]) -> dict[str, Any]:
    lines = [f"{row['name']}:{row['version']}", *(f"{key}={value}" for key, value in sorted(found.items()))]
    return {"bento_id": row["id"], "text": "\n".join(lines).lower()}


def _alias(row: dict[str, Any]) -> dict[str, Any]:
    alias = f"a{row['id']}"
    return {"name": row["name"], "alias": alias, "bento_id": row["id"], "updated_at": START, "updated_by": "ada"}


def calls(catalog: Catalog, bundles: int) -> dict[str, Callable[[], object]]:
    """What is measured, by what it is called in the table."""

    def listed(**query: Any) -> Callable[[], object]:
        return lambda: catalog.list_bentos(BentoQuery(**query))

    def counted(**query: Any) -> Callable[[], object]:
        return lambda: catalog.count_bentos(BentoQuery(**query))

    deep = bundles - 40
    found: dict[str, Callable[[], object]] = {
        "first page": listed(),
        "last page": listed(offset=deep),
        "first page, by name": listed(sort_by=SortBy.NAME, ascending=True),
        "last page, by name": listed(sort_by=SortBy.NAME, ascending=True, offset=deep),
        "last page, by name, descending": listed(sort_by=SortBy.NAME, offset=deep),
        "first page of one name": listed(name="Service007"),
        "last page of one name": listed(name="Service007", offset=bundles // SERVICES - 40),
        "first page of a pattern": listed(name_patterns=["Service01*"]),
        "count": counted(),
        "count of one name": counted(name="Service007"),
        "count of a pattern": counted(name_patterns=["Service01*"]),
        "search, frequent": listed(search="service"),
        "search, frequent, last page": listed(search="service", offset=deep),
        "search, rare": listed(search=f"r{bundles // 2:07d}"),
        "search, two words": listed(search="service007 golden"),
        "search, nothing": listed(search="nothing-has-this"),
        "count of a frequent search": counted(search="service"),
        "count of a rare search": counted(search=f"r{bundles // 2:07d}"),
    }
    for query in (
        "stage=prod", "stage!=prod", "team In (vision, audio)", "team NotIn (vision, audio)", "golden",
        "golden DoesNotExist", "team=vision, stage=prod, golden", "run=r0000001", "team DoesNotExist",
    ):  # fmt: skip
        conditions = parse_label_query(query)
        found[f"labels: {query}"] = listed(conditions=conditions)
        found[f"count: {query}"] = counted(conditions=conditions)
    return found


def measure(call: Callable[[], object]) -> tuple[float, float]:
    """Median and longest time of a call in milliseconds, after one that is not counted."""
    call()
    times_ms = []
    for _ in range(RUNS):
        began = time.perf_counter()
        call()
        times_ms.append(1000 * (time.perf_counter() - began))
    return statistics.median(times_ms), max(times_ms)


def run(url: str, bundles: int) -> dict[str, tuple[float, float]]:
    """Fill the empty database at `url`, and measure every call on it."""
    with closing(open_database(url, Path("none.db"))) as database:
        fill(database, bundles)
        _tidy(url)
        return {name: measure(call) for name, call in calls(Catalog(database), bundles).items()}


def _tidy(url: str) -> None:
    """What the server of PostgreSQL does by itself a minute after many rows have changed."""
    if url.startswith("postgresql"):
        engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        engine.dispose()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="Time of pages and searches in a large catalog.")
    parser.add_argument("--bundles", type=int, default=100_000)
    parser.add_argument("--postgres", help="address of an empty database in PostgreSQL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        results = {"SQLite": run(f"sqlite:///{directory}/catalog.db", options.bundles)}
    if options.postgres:
        results["PostgreSQL"] = run(options.postgres, options.bundles)
    headers = ["call", *(f"{name} {kind}" for name in results for kind in ("median", "longest"))]
    rows = [
        [call, *(f"{value:.1f}" for result in results.values() for value in result[call])] for call in results["SQLite"]
    ]
    sys.stdout.write(markdown_table(headers, rows))


if __name__ == "__main__":
    main()
