"""Requests that a program makes up from an OpenAPI document, right and wrong ones."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

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
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"),
    pytest.mark.timeout(600),
]


def ask_all(url: str, directory: Path, *options: str) -> None:
    """Make the requests, and see that every answer is one that the document names.

    Args:
        url: of the document.
        directory: to run in.
        options: further ones of the program.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", url),
            *("--checks", ",".join(CHECKS), "--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "10"),
            *("--phases", "examples,coverage,fuzzing", "--generation-database", "none"),
            *("--warnings", "off", "--continue-on-failure"),
            *options,
        ],
        cwd=directory,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    assert " generated" in done.stdout
