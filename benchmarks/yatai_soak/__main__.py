"""Many clients at once on one registry, and proof that it kept what it acknowledged.

    python -m benchmarks.yatai_soak --seconds 60 --clients 32 [--postgres postgresql://user@host/empty-database]

Clients push, list, download, label, delete and restore bundles and move aliases, over HTTP, while contents are
collected. Then everything is compared with what was acknowledged: `check.py`, and `bentoml yatai check --deep`. The
exit status is 0 when all is well.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.plain_table import markdown_table
from benchmarks.registry_process import Api, RegistryProcess, run_command
from benchmarks.yatai_soak.check import find_problems
from benchmarks.yatai_soak.client import Client
from benchmarks.yatai_soak.record import Record

COLLECTED_EVERY_S = 5.0


def soak(
    home: Path, seconds: float, actions: int | None, clients: int, database: dict[str, str]
) -> tuple[Record, list[str]]:
    """Let clients at a registry, then look at what it has; what was done, and what is wrong.

    Args:
        home: of the registry.
        seconds: how long.
        actions: how many of each client, however long they take; None for as many as there is time for.
        clients: how many at once.
        database: variables of the environment that name one; none for SQLite.
    """
    record = Record()
    registry = RegistryProcess(home, **database)
    try:
        over = threading.Event()
        collector = threading.Thread(target=_collect, args=(home, database, over, record))
        collector.start()
        until_s = time.monotonic() + seconds

        def is_over(count: int) -> bool:
            return time.monotonic() > until_s if actions is None else count >= actions

        with ThreadPoolExecutor(clients) as pool:
            runs = [pool.submit(Client(number, registry.url, record).run, is_over) for number in range(clients)]
        for run in runs:
            run.result()
        over.set()
        collector.join()
        problems = find_problems(Api(registry.url), record)
        record.most_memory_bytes = registry.most_memory_bytes
    except BaseException:
        registry.kill()
        raise
    status = registry.stop()
    if status != 0:
        problems.append(f"the registry ended with {status}")
    status, text = run_command(home, "yatai", "check", "--deep", **database)
    return record, [*problems, *([text] if status != 0 else [])]


def _collect(home: Path, database: dict[str, str], over: threading.Event, record: Record) -> None:
    while not over.wait(COLLECTED_EVERY_S):
        status, text = run_command(home, "yatai", "gc", **database)
        record.expect(status == 0, f"gc ended with {status}: {text}")


def _table(record: Record, seconds: float) -> str:
    rows = []
    for kind, durations_s in sorted(record.durations_s.items()):
        ordered = sorted(1000 * duration_s for duration_s in durations_s)
        longest = (statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))], ordered[-1])
        rows.append([kind, str(len(ordered)), f"{len(ordered) / seconds:.1f}", *(f"{value:.0f}" for value in longest)])
    return markdown_table(["action", "count", "per second", "median ms", "99 % ms", "longest ms"], rows)


def main() -> int:
    """Print a table for each database; 1 when something is wrong."""
    parser = argparse.ArgumentParser(description="Many clients at once on one registry.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--actions", type=int, help="of each client, in place of a time")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--postgres", help="address of an empty database in PostgreSQL; without it SQLite is used")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="yatai-soak-"))
    database = {"BENTOML__YATAI__DATABASE__URL": options.postgres} if options.postgres else {}
    try:
        began_s = time.monotonic()
        record, problems = soak(directory, options.seconds, options.actions, options.clients, database)
        took_s = options.seconds if options.actions is None else time.monotonic() - began_s
    finally:
        shutil.rmtree(directory)
    requests = sum(record.statuses.values())
    sys.stdout.write(f"{requests} requests, {len(record.versions)} bundles, {len(record.moves)} changes of aliases\n")
    sys.stdout.write(f"memory of the registry: {record.most_memory_bytes / 1e6:.0f} MB at most\n")
    sys.stdout.write(f"statuses: {dict(sorted(record.statuses.items()))}\n\n{_table(record, took_s)}\n")
    for problem in problems[:20]:
        sys.stdout.write(f"PROBLEM {problem}\n")
    sys.stdout.write(f"{len(problems)} problems\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
