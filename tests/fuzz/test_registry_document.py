"""Requests made of the OpenAPI document of a registry, right and wrong ones: all are answered as it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.document import MARKS, ask_all
from tests.yatai.server.live_registry import live_registry

if TYPE_CHECKING:
    from pathlib import Path

# The one answers 501, and says so; the body of the other is nothing that can be made up.
LEFT_OUT = "^(ContainerizeBento|UploadBento)$"

pytestmark = MARKS


def test_no_request_that_the_document_of_a_registry_suggests_is_answered_5xx(tmp_path: Path) -> None:
    with live_registry(tmp_path / "home") as running:
        ask_all(f"{running.url}/openapi.json", tmp_path, "--exclude-operation-id-regex", LEFT_OUT)
        with running.client() as client:
            assert client.get("/readyz").status_code == 200
        assert running.stop()[0] == 0
