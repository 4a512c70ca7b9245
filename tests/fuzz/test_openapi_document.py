"""Requests made of the OpenAPI document of a served bundle, right and wrong ones: none is answered 5xx or late."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.every_adapter import SERVICE
from tests.server.live import live_server, save_bundle

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "40")
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"),
    pytest.mark.timeout(600),
]


def test_no_request_that_the_document_suggests_is_answered_5xx(tmp_path: Path) -> None:
    bundle = save_bundle(tmp_path, SERVICE, class_name="EveryAdapter")
    with live_server(bundle, home=tmp_path / "served", command="serve-gunicorn") as server:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/docs.json"),
                *("--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "10"),
                *("--phases", "examples,coverage,fuzzing", "--generation-database", "none"),
                *("--warnings", "off", "--continue-on-failure"),
            ],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
        assert " generated" in done.stdout
        assert server.client.get("/readyz").status_code == 200
    assert "Traceback" not in server.output()
