"""Uploads that go well, break off, go on, and lie."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bentoml.yatai.tree_reading import read_tree
from tests.yatai.server.bundles import begin, digest_of, push, send, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry

LIMIT_S = 30.0


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def client(registry: LiveRegistry) -> Iterator[httpx.Client]:
    with registry.client() as made:
        yield made


def test_bundle_is_seen_after_the_commit_and_not_before(client: httpx.Client, tmp_path: Path) -> None:
    directory = write_bundle(tmp_path, "Seen", model=b"model" * 100_000)
    begun = begin(client, directory, "Seen:1", {"stage": "prod"}).json()
    # The empty file has no content to be sent.
    assert {item["digest"] for item in begun["missing"]} == {
        entry.digest for entry in read_tree(directory) if entry.size_bytes
    }
    assert client.get("/api/v1/bundles/Seen/1").status_code == 404
    early = client.post(f"/api/v1/uploads/{begun['id']}/commit")
    assert early.status_code == 409
    assert "not whole" in early.json()["error"]["message"]

    bundle = push(client, directory, "Seen:1", {"stage": "prod"})
    assert bundle["labels"] == {"stage": "prod"}
    assert bundle["metadata"]["artifacts"][0]["name"] == "model"
    assert client.get("/api/v1/bundles/Seen/latest").json() == bundle
    assert client.get("/api/v1/bundles", params={"labels": "stage=prod"}).json()["bundles"] == [bundle]
    assert read_tree(Path(bundle["uri"]["uri"])) == read_tree(directory)

    # An answer that got lost: both ways to ask again give the same bundle.
    assert client.post(f"/api/v1/uploads/{begun['id']}/commit").json() == bundle
    again = begin(client, directory, "Seen:1").json()
    assert (again["id"], again["missing"], again["bundle"]) == (None, [], bundle)
    entries = client.get("/api/v1/audit", params={"resource": "Seen:1"}).json()["entries"]
    assert [entry["action"] for entry in entries] == ["bundle.register"]
    assert {entry["actor"] for entry in entries} == {"anonymous"}


def test_other_files_under_a_taken_tag_are_refused(client: httpx.Client, tmp_path: Path) -> None:
    push(client, write_bundle(tmp_path / "a", "Taken"), "Taken:1")
    other = begin(client, write_bundle(tmp_path / "b", "Taken", model=b"other"), "Taken:1")
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "aborted"


def test_upload_goes_on_where_it_broke_off(client: httpx.Client, tmp_path: Path) -> None:
    model = os.urandom(300_000)
    directory = write_bundle(tmp_path, "Broken", model=model)
    first = begin(client, directory, "Broken:1").json()
    digest = digest_of(model)
    assert send(client, first["id"], digest, model[:100_000]).headers["upload-offset"] == "100000"
    wrong = send(client, first["id"], digest, model)
    assert (wrong.status_code, wrong.headers["upload-offset"]) == (409, "100000")
    second = begin(client, directory, "Broken:1").json()
    assert second["id"] == first["id"]
    assert next(item for item in second["missing"] if item["digest"] == digest)["offset"] == 100_000
    assert send(client, first["id"], digest, model[100_000:], 100_000).headers["upload-offset"] == "300000"
    assert digest not in {item["digest"] for item in client.get(f"/api/v1/uploads/{first['id']}").json()["missing"]}
    # Sent once more, as by a client that has missed the answer.
    assert send(client, first["id"], digest, b"", 300_000).status_code == 204
    push(client, directory, "Broken:1")


def test_server_that_is_killed_in_the_middle_of_an_upload_goes_on_after_its_start(tmp_path: Path) -> None:
    model = os.urandom(6 << 20)
    directory = write_bundle(tmp_path, model=model)
    home, digest = tmp_path / "home", digest_of(model)
    with live_registry(home) as running, running.client() as client:
        upload = begin(client, directory).json()["id"]
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as sock:
            head = f"PATCH /api/v1/uploads/{upload}/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\nUpload-Offset: 0\r\n"
            sock.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(model) + model[: 4 << 20])
            deadline = time.monotonic() + LIMIT_S
            while offset_of(client, upload, digest) < 1 << 20:
                assert time.monotonic() < deadline
            running.process.send_signal(signal.SIGKILL)
            running.process.wait(LIMIT_S)
    with live_registry(home) as running, running.client() as client:
        state = begin(client, directory).json()
        assert state["id"] == upload
        arrived = offset_of(client, upload, digest)
        assert 1 << 20 <= arrived <= 4 << 20
        assert send(client, upload, digest, model[arrived:], arrived).status_code == 204
        bundle = push(client, directory)
        assert read_tree(Path(bundle["uri"]["uri"])) == read_tree(directory)
        assert client.get("/api/v1/bundles/Iris/1/files/Iris/artifacts/model.pkl").content == model
    assert not list((home / "yatai-uploads").iterdir())


def offset_of(client: httpx.Client, upload: str, digest: str) -> int:
    missing = client.get(f"/api/v1/uploads/{upload}").json()["missing"]
    return int(next((item["offset"] for item in missing if item["digest"] == digest), 1 << 40))


def test_client_that_leaves_loses_nothing_that_has_come(
    registry: LiveRegistry, client: httpx.Client, tmp_path: Path
) -> None:
    model = os.urandom(500_000)
    directory = write_bundle(tmp_path, "Leaver", model=model)
    upload, digest = begin(client, directory, "Leaver:1").json()["id"], digest_of(model)
    with socket.create_connection(("127.0.0.1", registry.port), timeout=30) as sock:
        head = f"PATCH /api/v1/uploads/{upload}/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\nUpload-Offset: 0\r\n"
        sock.sendall(head.encode() + b"Content-Length: 500000\r\n\r\n" + model[:200_000])
    deadline = time.monotonic() + LIMIT_S
    while offset_of(client, upload, digest) < 200_000:
        assert time.monotonic() < deadline
    assert send(client, upload, digest, model[200_000:], 200_000).status_code == 204


def test_wrong_bytes_and_too_many_are_refused(client: httpx.Client, tmp_path: Path) -> None:
    directory = write_bundle(tmp_path, "Liar", model=b"m" * 1000)
    upload, digest = begin(client, directory, "Liar:1").json()["id"], digest_of(b"m" * 1000)
    assert send(client, upload, digest, b"m" * 1001).status_code == 400
    assert offset_of(client, upload, digest) == 0
    wrong = send(client, upload, digest, b"n" * 1000)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "data_loss")
    assert offset_of(client, upload, digest) == 0
    assert send(client, upload, digest_of(b"unknown"), b"unknown").status_code == 404
    assert send(client, upload, "../../etc/passwd", b"x").status_code == 404
    no_offset = client.patch(f"/api/v1/uploads/{upload}/blobs/{digest}", content=b"m" * 1000)
    assert no_offset.status_code == 400
    assert send(client, upload, digest, b"m" * 1000).status_code == 204


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../outside"},
        {"path": "/etc/passwd"},
        {"path": "a/../../b"},
        {"path": "BENTOML.yml"},
        {"path": "nul\0"},
        {"path": "x" * 5000},
        {"size_bytes": -1},
        {"size_bytes": 1 << 60},
        {"sha256": "0" * 63},
        {"executable": 1},
        {"mode": 0o4755},
    ],
    ids=str,
)
def test_hostile_trees_are_refused(client: httpx.Client, tmp_path: Path, change: dict[str, object]) -> None:
    tree = json.loads(read_tree(write_bundle(tmp_path, "Hostile")).document)
    entry = {**tree["files"][0], **change}
    tree["files"] = sorted([*tree["files"], entry], key=lambda item: str(item["path"]))
    answer = client.post("/api/v1/uploads", json={"name": "Hostile", "version": "1", "tree": tree})
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("tag", ["../evil:1", "Iris:..", "Iris:a/b", "Other:1", "Iris:2"])
def test_files_of_another_tag_never_become_a_bundle(client: httpx.Client, tmp_path: Path, tag: str) -> None:
    directory = write_bundle(tmp_path)
    name = tag.split(":", maxsplit=1)[0]
    begun = begin(client, directory, tag)
    if begun.status_code == 200:
        state = begun.json()
        for item in state["missing"]:
            data = next((directory / e.path).read_bytes() for e in read_tree(directory) if e.digest == item["digest"])
            assert send(client, state["id"], item["digest"], data).status_code == 204
        begun = client.post(f"/api/v1/uploads/{state['id']}/commit")
    assert begun.status_code == 400, begun.text
    assert str(tmp_path) not in begun.text
    assert client.get("/api/v1/bundles", params={"name": name}).json()["bundles"] == []


def test_abandoned_upload_is_gone(registry: LiveRegistry, client: httpx.Client, tmp_path: Path) -> None:
    directory = write_bundle(tmp_path, "Gone", model=b"gone" * 10)
    upload = begin(client, directory, "Gone:1").json()["id"]
    assert send(client, upload, digest_of(b"gone" * 10), b"gone").status_code == 204
    assert client.delete(f"/api/v1/uploads/{upload}").status_code == 204
    assert client.get(f"/api/v1/uploads/{upload}").status_code == 404
    assert not (registry.home / "yatai-uploads" / upload).exists()


def test_labels_are_replaced_and_checked(client: httpx.Client, tmp_path: Path) -> None:
    push(client, write_bundle(tmp_path, "Labelled"), "Labelled:1", {"stage": "test"})
    path = "/api/v1/bundles/Labelled/1/labels"
    assert client.put(path, json={"labels": {"team": "core"}}).json()["labels"] == {"team": "core"}
    changed = client.patch(path, json={"set": {"stage": "prod"}, "remove": ["team"]})
    assert changed.json()["labels"] == {"stage": "prod"}
    assert client.put(path, json={"labels": {"bad key": "x y"}}).status_code == 400
    assert client.put(path, json={"labels": {}}).json()["labels"] == {}
    assert client.put("/api/v1/bundles/No/1/labels", json={"labels": {}}).status_code == 404
    newest = client.get("/api/v1/audit", params={"action": "bundle.labels", "limit": 1}).json()
    assert newest["entries"][0]["resource"] == "Labelled:1"
    assert newest["next_before"] == newest["entries"][0]["id"]


def test_alias_moves_and_keeps_its_bundle_from_being_deleted(client: httpx.Client, tmp_path: Path) -> None:
    for version in ("1", "2"):
        push(client, write_bundle(tmp_path, "Moved", version), f"Moved:{version}")
        alias = client.put("/api/v1/aliases/Moved/production", json={"version": version}).json()
        assert (alias["version"], alias["updated_by"]) == (version, "anonymous")
    assert client.get("/api/v1/bundles/Moved/2").json()["aliases"] == ["production"]
    assert client.delete("/api/v1/bundles/Moved/2").status_code == 409
    assert [alias["version"] for alias in client.get("/api/v1/aliases/Moved").json()["aliases"]] == ["2"]
    history = client.get("/api/v1/alias-history/Moved").json()["changes"]
    assert [change["version"] for change in history] == ["2", "1"]
    assert client.delete("/api/v1/bundles/Moved/2", params={"force": "true"}).status_code == 204
    assert client.delete("/api/v1/aliases/Moved/production").status_code == 404
    assert client.put("/api/v1/aliases/Moved/production", json={"version": "3"}).status_code == 404


def test_deleted_bundle_comes_back_until_it_is_purged(client: httpx.Client, tmp_path: Path) -> None:
    bundle = push(client, write_bundle(tmp_path, "Back"), "Back:1", {"stage": "prod"})
    path = "/api/v1/bundles/Back/1"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    found = client.get("/api/v1/bundles", params={"name": "Back", "deleted": "true", "count": "true"}).json()
    assert (found["total"], found["bundles"][0]["deleted_by"]) == (1, "anonymous")
    assert client.post(f"{path}/restore").json()["labels"] == bundle["labels"]
    assert client.get(f"{path}/files/bentoml.yml").status_code == 200
    assert client.delete(path, params={"purge": "true"}).status_code == 204
    assert client.post(f"{path}/restore").status_code == 404


def test_search_pages_and_counts(client: httpx.Client, tmp_path: Path) -> None:
    for version in ("1", "2", "3"):
        push(client, write_bundle(tmp_path, "Paged", version), f"Paged:{version}", {"stage": f"n{version}x"})
    first = client.get("/api/v1/bundles", params={"search": "paged", "limit": 2, "count": "true"}).json()
    assert [bundle["version"] for bundle in first["bundles"]] == ["3", "2"]
    assert (first["next_offset"], first["total"]) == (2, 3)
    rest = client.get("/api/v1/bundles", params={"search": "paged", "limit": 2, "offset": 2}).json()
    assert ([bundle["version"] for bundle in rest["bundles"]], rest["next_offset"]) == (["1"], None)
    asked = {"name": "Paged", "labels": "stage In (n1x, n3x)", "order_by": "created_at", "ascending": "true"}
    found = client.get("/api/v1/bundles", params=asked).json()["bundles"]
    assert [bundle["version"] for bundle in found] == ["1", "3"]


def test_content_that_is_here_already_is_not_asked_for_again(client: httpx.Client, tmp_path: Path) -> None:
    model = os.urandom(200_000)
    push(client, write_bundle(tmp_path, "Shared", "v1", model=model), "Shared:v1")
    second = write_bundle(tmp_path, "Shared", "v2", model=model)
    (second / "copy.sh").write_bytes(model)
    (second / "copy.sh").chmod(0o755)
    begun = begin(client, second, "Shared:v2").json()
    assert {item["digest"] for item in begun["missing"]} == {digest_of((second / "bentoml.yml").read_bytes())}
    bundle = push(client, second, "Shared:v2")
    assert read_tree(Path(bundle["uri"]["uri"])) == read_tree(second)
    assert client.delete("/api/v1/bundles/Shared/v1", params={"purge": "true"}).status_code == 204
    assert client.get("/api/v1/bundles/Shared/v2/files/Shared/artifacts/model.pkl").content == model
