"""A registry whose disk is full: whoever sends a bundle is told so, and can go on when there is room again."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bentoml._util.archives import pack_tar
from tests.small_disk import ONLY_ROOT, small_disk_at
from tests.yatai.server.bundles import begin, digest_of, send, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry

pytestmark = ONLY_ROOT
MODEL = os.urandom(4 << 20)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[LiveRegistry]:
    with small_disk_at(tmp_path / "small") as disk, live_registry(disk / "home") as running:
        yield running
        running.stop()


def test_upload_when_the_disk_of_the_registry_is_full_says_so(registry: LiveRegistry, tmp_path: Path) -> None:
    with registry.client() as client:
        begun = begin(client, write_bundle(tmp_path, model=MODEL)).json()
        refused = send(client, begun["id"], digest_of(MODEL), MODEL)
        assert refused.status_code == 507
        assert "The disk of the registry is full" in refused.json()["error"]["message"]
    # What has come need not come again.
    (part,) = registry.home.glob(f"yatai-uploads/{begun['id']}/{digest_of(MODEL).removeprefix('sha256:')}.part")
    assert 0 < part.stat().st_size < 2 << 20


def test_archive_when_the_disk_of_the_registry_is_full_says_so(registry: LiveRegistry, tmp_path: Path) -> None:
    archive = io.BytesIO()
    pack_tar(write_bundle(tmp_path, model=MODEL), "Iris", archive)
    with registry.client() as client:
        tag = {"bento_name": "Iris", "bento_version": "1"}
        refused = client.post("/api/UploadBento", params=tag, content=archive.getvalue())
    assert refused.status_code == 507
    assert "The disk of the registry is full" in refused.json()["status"]["error_message"]
