"""Requests made of the OpenAPI document of a registry, right and wrong ones: all are answered as it says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.test_openapi_document import CHECKS, EXAMPLES
from tests.yatai.server.live_registry import live_registry

if TYPE_CHECKING:
    from pathlib import Path

# These answer 501, and say so; the body of UploadBento is nothing that can be made up.
LEFT_OUT = "^(AddBento|UpdateBento|ContainerizeBento|.*Deployments?|UploadBento)$"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"),
    pytest.mark.timeout(600),
]


def test_no_request_that_the_document_of_a_registry_suggests_is_answered_5xx(tmp_path: Path) -> None:
    with live_registry(tmp_path / "home") as running:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json"),
                *("--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "10"),
                *("--phases", "examples,coverage,fuzzing", "--generation-database", "none"),
                *("--exclude-operation-id-regex", LEFT_OUT, "--warnings", "off", "--continue-on-failure"),
            ],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
        assert " generated" in done.stdout
        with running.client() as client:
            assert client.get("/readyz").status_code == 200
        assert running.stop()[0] == 0
