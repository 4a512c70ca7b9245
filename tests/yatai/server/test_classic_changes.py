"""AddBento, UploadBento, UpdateBento and ContainerizeBento: how clients of the classic service bring a bundle."""

from __future__ import annotations

import io
import os
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from bentoml._util.archives import pack_tar
from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.service.metadata import BentoServiceMetadata
from bentoml.types import Tag
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.database import Database
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.reservations import KEPT, Reservations
from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry

LIMIT_S = 60.0


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def client(registry: LiveRegistry) -> Iterator[httpx.Client]:
    with registry.client() as made:
        yield made


def tag_of(name: str, version: str = "1") -> dict[str, str]:
    return {"bento_name": name, "bento_version": version}


def call(client: httpx.Client, operation: str, tag: dict[str, str], **more: object) -> tuple[str, dict[str, Any]]:
    answer = client.post(f"/api/{operation}", json={**tag, **more})
    document: dict[str, Any] = answer.json()
    code: str = document["status"]["status_code"]
    assert (answer.status_code == 200) is (code == "OK")
    return code, document


def upload(client: httpx.Client, directory: Path, tag: dict[str, str]) -> str:
    stream = io.BytesIO()
    pack_tar(directory, "bundle", stream)
    answer = client.post("/api/UploadBento", params=tag, content=stream.getvalue())
    code: str = answer.json()["status"]["status_code"]
    return code


def status_of(client: httpx.Client, tag: dict[str, str]) -> str:
    answer = client.get("/api/GetBento", params=tag).json()
    return str(answer["bento"]["status"]["status"]) if "bento" in answer else str(answer["status"]["status_code"])


def test_bundle_comes_in_three_steps_and_is_seen_after_the_second(client: httpx.Client, tmp_path: Path) -> None:
    tag = tag_of("Steps")
    code, added = call(client, "AddBento", tag)
    assert (code, added["uri"]["type"]) == ("OK", "LOCAL")
    assert added["uri"]["uri"].endswith("/repository/Steps/1")
    # YAT-7: what is not complete is nowhere.
    assert status_of(client, tag) == status_of(client, tag_of("Steps", "latest")) == "NOT_FOUND"
    assert client.get("/api/ListBento", params={"bento_name": "Steps"}).json()["bentos"] == []
    assert call(client, "UpdateBento", tag, upload_status={"status": "UPLOADING", "percentage": 10})[0] == "OK"
    assert upload(client, write_bundle(tmp_path, "Steps"), tag) == "OK"
    labels = {"stage": "prod"}
    metadata = {"name": "Steps", "version": "1", "labels": labels}
    code, _ = call(client, "UpdateBento", tag, upload_status={"status": "DONE"}, service_metadata=metadata)
    assert code == "OK"
    found = client.get("/api/GetBento", params=tag).json()["bento"]
    assert found["bentoServiceMetadata"]["labels"] == labels
    assert found["uri"] == added["uri"]
    actions = [
        entry["action"] for entry in client.get("/api/v1/audit", params={"resource": "Steps:1"}).json()["entries"]
    ]
    assert actions == ["bundle.labels", "bundle.register", "bundle.reserve"]


def test_reserved_tag_is_kept_from_others_until_its_upload_fails(client: httpx.Client, tmp_path: Path) -> None:
    tag = tag_of("Reserved")
    assert call(client, "AddBento", tag)[0] == "OK"
    code, refused = call(client, "AddBento", tag)
    assert code == "ABORTED"
    assert "BentoService bundle: Reserved:1 already exists" in refused["status"]["error_message"]
    failed = {"status": "ERROR", "error_message": "the disk of the client is full"}
    assert call(client, "UpdateBento", tag, upload_status=failed)[0] == "OK"
    assert call(client, "AddBento", tag)[0] == "OK"
    assert call(client, "DeleteBento", tag)[0] == "OK"
    push(client, write_bundle(tmp_path, "Reserved"), "Reserved:1")
    assert call(client, "AddBento", tag)[0] == "ABORTED"


def test_update_changes_what_is_sent_and_nothing_else(client: httpx.Client, tmp_path: Path) -> None:
    tag = tag_of("Updated")
    push(client, write_bundle(tmp_path, "Updated"), "Updated:1", {"stage": "prod", "team": "core"})
    path = "/api/v1/bundles/Updated/1"
    nothing_new: list[dict[str, object]] = [{}, {"service_metadata": {}}, {"upload_status": {"status": "DONE"}}]
    for nothing in nothing_new:
        assert call(client, "UpdateBento", tag, **nothing)[0] == "OK"
        assert client.get(path).json()["labels"] == {"stage": "prod", "team": "core"}
        assert status_of(client, tag) == "DONE"
    # YAT-8: labels are replaced as a whole, also where there were some.
    assert call(client, "UpdateBento", tag, service_metadata={"labels": {"stage": "test"}})[0] == "OK"
    assert client.get(path).json()["labels"] == {"stage": "test"}
    assert call(client, "UpdateBento", tag, service_metadata={"labels": {}})[0] == "OK"
    assert client.get(path).json()["labels"] == {}
    # What is complete stays so.
    for status in ("UPLOADING", "ERROR"):
        assert call(client, "UpdateBento", tag, upload_status={"status": status})[0] == "ABORTED"
    assert status_of(client, tag) == "DONE"


@pytest.mark.parametrize("name", [".root", "unpacked", "bundle"])
def test_upload_takes_files_of_any_name(client: httpx.Client, tmp_path: Path, name: str) -> None:
    tag = tag_of("Names", name.strip("."))
    directory = write_bundle(tmp_path, "Names", name.strip("."))
    (directory / name).mkdir()
    (directory / name / "notes.txt").write_text("Notes\n")
    assert upload(client, directory, tag) == "OK"
    files = client.get(f"/api/v1/bundles/Names/{name.strip('.')}/tree").json()["files"]
    assert f"{name}/notes.txt" in [file["path"] for file in files]


def test_update_of_what_has_no_files_is_refused(client: httpx.Client) -> None:
    tag = tag_of("Empty")
    assert call(client, "UpdateBento", tag, upload_status={"status": "UPLOADING"})[0] == "NOT_FOUND"
    assert call(client, "AddBento", tag)[0] == "OK"
    code, refused = call(client, "UpdateBento", tag, upload_status={"status": "DONE"})
    assert (code, "UploadBento first" in refused["status"]["error_message"]) == ("ABORTED", True)
    assert status_of(client, tag) == "NOT_FOUND"


@pytest.mark.parametrize(
    "tag", [tag_of("../evil"), tag_of("Evil", ".."), tag_of("Evil", "latest"), tag_of("Evil", "a/b")]
)
def test_add_refuses_what_can_be_no_tag(client: httpx.Client, tag: dict[str, str]) -> None:
    assert call(client, "AddBento", tag)[0] == "INVALID_ARGUMENT"


def test_image_is_built_elsewhere(client: httpx.Client) -> None:
    answer = client.post(
        "/api/ContainerizeBento", json={**tag_of("Iris"), "tag": "iris", "build_args": {}, "push": True}
    )
    assert answer.status_code == 501
    assert "bentoml containerize Iris:1 --yatai-url URL" in answer.json()["status"]["error_message"]


def test_archive_comes_in_where_there_is_room_for_bundles(registry: LiveRegistry) -> None:
    """And not into a temporary directory, which is often in memory."""
    half = os.urandom(4 << 20)
    head = (
        "POST /api/UploadBento?bento_name=Half&bento_version=1 HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {2 * len(half)}\r\n\r\n"
    )
    staging = registry.home / "repository" / ".staging"
    with socket.create_connection(("127.0.0.1", registry.port), timeout=LIMIT_S) as sock:
        sock.sendall(head.encode() + half)
        deadline = time.monotonic() + LIMIT_S
        while max((path.stat().st_size for path in staging.glob("*/archive")), default=0) < len(half) // 2:
            assert time.monotonic() < deadline
    while list(staging.iterdir()):
        assert time.monotonic() < deadline


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2024, 5, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now


def test_reservation_ends_after_its_time(database: Database, tmp_path: Path) -> None:
    tag, clock, store = Tag("Iris", "1"), Clock(), FileSystemBlobStore(tmp_path / "repository")
    reservations = Reservations(database, store, clock)
    reservations.reserve(tag, "ann")
    clock.now += KEPT - timedelta(seconds=1)
    reservations.keep(tag)
    clock.now += KEPT - timedelta(seconds=1)
    with pytest.raises(YataiServiceRpcAborted, match="already exists"):
        reservations.reserve(tag, "bob")
    clock.now += timedelta(seconds=1)
    reservations.reserve(tag, "bob")
    reservations.give_way(tag)
    with pytest.raises(NotFound, match="begin with AddBento"):
        reservations.keep(tag)
    # Nothing of it is in the way of whoever saves the bundle after all.
    registry = LocalRegistry(database, store)
    with registry.staging() as staged:
        shutil.copytree(write_bundle(tmp_path), staged, dirs_exist_ok=True)
        registry.register(staged, BentoServiceMetadata(name="Iris", version="1"))
    assert registry.inspect(deep=True).problems == ()
