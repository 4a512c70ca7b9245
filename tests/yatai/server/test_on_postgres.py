"""A registry whose catalog is in PostgreSQL, from its first user on, over HTTP."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import MISSING, find_postgres, running_postgres
from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import environment, live_registry

pytestmark = pytest.mark.may_skip("there is no PostgreSQL on this machine")


def command(home: Path, url: str, *arguments: str) -> str:
    argv = [sys.executable, "-m", "bentoml", "yatai", *arguments, "--db-url", url]
    done = subprocess.run(argv, env=environment(home), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_team_works_on_an_empty_database(tmp_path: Path, empty_postgres_url: str) -> None:
    home, url = tmp_path / "home", empty_postgres_url
    command(home, url, "user", "add", "ada", "--role", "admin")
    command(home, url, "user", "add", "ci", "--role", "write", "--name", "Fraud*")
    admin, ci = command(home, url, "token", "add", "ada"), command(home, url, "token", "add", "ci")
    with live_registry(home, "--auth", "--db-url", url) as running:
        with running.client(ci) as client:
            for name in ("Fraud_v1", "Fraud"):
                push(client, write_bundle(tmp_path, name), f"{name}:1", {"stage": "prod"})
            assert client.put("/api/v1/aliases/Fraud/production", json={"version": "1"}).status_code == 200
            assert client.get("/api/v1/bundles/Fraud/@production/files/bentoml.yml").status_code == 200
            assert client.get("/api/v1/bundles/fraud_v1/1").status_code == 403
        with running.client(admin) as client:
            push(client, write_bundle(tmp_path, "Iris"), "Iris:1")
            found = client.get("/api/v1/bundles", params={"labels": "stage=prod", "count": "true"}).json()
            assert [bundle["name"] for bundle in found["bundles"]] == ["Fraud", "Fraud_v1"]
            assert found["total"] == 2
            assert {bundle["created_by"] for bundle in found["bundles"]} == {"ci"}
            actors = {entry["actor"] for entry in client.get("/api/v1/audit").json()["entries"]}
            assert {"ada", "ci"} <= actors
        with running.client(ci) as client:
            names = [bundle["name"] for bundle in client.get("/api/v1/bundles").json()["bundles"]]
            assert names == ["Fraud", "Fraud_v1"]
        assert running.stop()[0] == 0


def test_requests_are_told_to_come_again_while_the_database_is_away(tmp_path: Path) -> None:
    binaries = find_postgres()
    if binaries is None:
        pytest.skip(MISSING)
    with running_postgres(binaries) as database:
        url = database.url("postgres")
        with live_registry(tmp_path / "home", "--db-url", url) as running, running.client() as client:
            push(client, write_bundle(tmp_path, "Iris"), "Iris:1")
            database.process.send_signal(signal.SIGQUIT)
            database.process.wait(60)
            for _ in range(2):
                answer = client.get("/api/v1/bundles")
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
                assert answer.headers["retry-after"] == "2"
                # Where the database is does not concern those who ask.
                assert answer.json()["error"]["message"] == "The catalog cannot be reached; try again in a moment"
            classic = client.get("/api/ListBento")
            assert (classic.status_code, classic.json()["status"]["status_code"]) == (503, "UNAVAILABLE")
            assert client.get("/readyz").status_code == 503
            assert client.get("/healthz").status_code == 200
            assert running.stop()[0] == 0
