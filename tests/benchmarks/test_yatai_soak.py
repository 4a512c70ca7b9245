"""A short soak of the registry, as `python -m benchmarks.yatai_soak` makes it for a minute."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.yatai_soak.check import find_problems
from benchmarks.yatai_soak.record import AliasMove, Record, Version

ROOT = Path(__file__).resolve().parents[2]
KINDS = {"push", "list", "download", "label", "alias", "delete"}


def run_soak(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.yatai_soak", "--actions", "16", "--clients", "8", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_printed(text: str) -> None:
    counts = {kind.strip(): int(count) for kind, count in re.findall(r"^\| ([a-z ]+) \| +(\d+) \|", text, re.MULTILINE)}
    assert counts.keys() >= KINDS
    assert counts["push"] >= 8
    assert text.endswith("\n0 problems\n")


def test_registry_keeps_what_it_has_acknowledged_to_many_clients_at_once() -> None:
    check_printed(run_soak())


@pytest.mark.may_skip("there is no PostgreSQL on this machine")
def test_registry_on_postgresql_keeps_what_it_has_acknowledged(empty_postgres_url: str) -> None:
    check_printed(run_soak("--postgres", empty_postgres_url))


class ForgetfulApi:
    """A registry that has forgotten an alias, a label, a file and a deletion."""

    def tell(self, _method: str, path: str) -> tuple[int, dict[str, object]]:
        if path.startswith("/api/v1/alias-history"):
            return 200, {"changes": [{"changed_at": "2024-05-01T10:00:00Z", "version": "2"}]}
        if path.startswith("/api/v1/aliases"):
            return 200, {"aliases": []}
        if path.startswith("/api/v1/bundles?"):
            return 200, {"bundles": [], "next_offset": None}
        return 200, {"labels": {}, "tree_digest": "sha256:other"}

    def ask(self, _method: str, path: str) -> tuple[int, bytes]:
        return (200, b'YATAI_requests_total{operation="x",status="500"} 1.0\n') if path == "/metrics" else (404, b"")


def test_what_a_registry_has_lost_is_found() -> None:
    record = Record()
    record.add(Version("Iris", "1", {"stage": "prod"}, {"bentoml.yml": "sha256:x"}, "sha256:tree"))
    record.add(Version("Iris", "2", {}, {}, "sha256:other", is_deleted=True))
    record.moved(AliasMove("Iris", "production", "1", 0.0, 1.0))
    record.count(503)
    problems = "\n".join(find_problems(ForgetfulApi(), record))  # type: ignore[arg-type]
    for text in (
        "Iris/1 has the labels {} instead of {'stage': 'prod'}",
        "Iris/1 has the tree sha256:other",
        "bentoml.yml is damaged (404)",
        "Iris/2 was deleted, and is answered with 200",
        "Iris:1 is missing in the list, deleted=False",
        "Iris:2 is missing in the list, deleted=True",
        "2 stands 1 times in the history, and was asked for 0 times",
        "Iris@production: 1 was acknowledged, and it never stood for that then",
        "Iris@production stands for None",
        "1 answers had the status 503",
        "the registry counted",
    ):
        assert text in problems
