"""What the metrics say about the contents of the registry."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from bentoml.yatai.tree_reading import read_tree
from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import live_registry

NAMES = ("bundles", "deleted", "contents", "stored_bytes", "uploads")


def stock_of(client: httpx.Client) -> list[float]:
    text = client.get("/metrics").text
    found = [re.search(rf"^YATAI_{name} (\S+)$", text, re.MULTILINE) for name in NAMES]
    return [float(match[1]) for match in found if match is not None]


def test_metrics_count_what_there_is_once(tmp_path: Path) -> None:
    first, second = (write_bundle(tmp_path, version=version, model=b"m" * 5000) for version in "12")
    contents = {**read_tree(first).contents, **read_tree(second).contents}
    with live_registry(tmp_path / "home") as running, running.client() as client:
        assert stock_of(client) == [0] * len(NAMES)
        push(client, first, "Iris:1")
        push(client, second, "Iris:2")
        assert stock_of(client) == [2, 0, len(contents), sum(contents.values()), 2]
        assert client.delete("/api/v1/bundles/Iris/1").status_code == 204
        assert stock_of(client)[:3] == [1, 1, len(contents)]


def test_metrics_are_given_when_the_catalog_is_broken(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with live_registry(home) as running, running.client() as client:
        (home / "storage.db").write_bytes(b"no database" * 1000)
        for name in ("storage.db-wal", "storage.db-shm"):
            (home / name).unlink(missing_ok=True)
        answer = client.get("/metrics")
        assert answer.status_code == 200
        assert "YATAI_requests_total" in answer.text
        assert "YATAI_bundles NaN" in answer.text
