"""Requests made of the OpenAPI document of a served bundle, right and wrong ones: none is answered 5xx or late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.document import MARKS, ask_all
from tests.fuzz.every_adapter import SERVICE
from tests.server.live import live_server, save_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = MARKS


def test_no_request_that_the_document_suggests_is_answered_5xx(tmp_path: Path) -> None:
    bundle = save_bundle(tmp_path, SERVICE, class_name="EveryAdapter")
    with live_server(bundle, home=tmp_path / "served", command="serve-gunicorn") as server:
        ask_all(f"{server.url}/docs.json", tmp_path)
        assert server.client.get("/readyz").status_code == 200
    assert "Traceback" not in server.output()
