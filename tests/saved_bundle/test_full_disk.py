"""A disk that is full: said with its directory, and nothing half-done is left."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bentoml._util.archives import pack_tar
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle import load, safe_retrieve, save_to_dir
from tests.small_disk import ONLY_ROOT, small_disk_at
from tests.storage.web_server import web_server

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project

pytestmark = ONLY_ROOT


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    with small_disk_at(tmp_path / "small") as disk:
        yield disk


def test_save_on_a_full_disk_leaves_nothing(project: Project, small_disk: Path) -> None:
    with pytest.raises(BentoMLException, match=f"{small_disk} has no room left.*give another directory"):
        save_to_dir(project.greeter(model="x" * (3 << 20)), small_disk)
    assert list(small_disk.iterdir()) == []


def test_copy_and_download_to_a_full_disk_leave_nothing(
    project: Project, bundle_dir: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_to_dir(project.greeter(model=os.urandom(3 << 20)), bundle_dir)
    with pytest.raises(BentoMLException, match=f"{small_disk} has no room left.*give another directory"):
        safe_retrieve(bundle_dir, small_disk / "copy")
    assert list(small_disk.iterdir()) == []
    archive = bundle_dir.parent / "x.tar"
    with archive.open("w+b") as file:
        pack_tar(bundle_dir, "Greeter", file)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    monkeypatch.setenv("BENTOML__STORAGE__HTTP__ALLOWED_NETWORKS", "[127.0.0.1]")
    monkeypatch.setenv("BENTOML__STORAGE__HTTP__ALLOW_HTTP", "true")
    with web_server() as server:
        server.file("/x.tar", archive.read_bytes())
        with pytest.raises(BentoMLException, match=f"{small_disk} has no room left.*set TMPDIR"):
            load(server.url("/x.tar", host="127.0.0.1"))
    assert list(small_disk.iterdir()) == []
