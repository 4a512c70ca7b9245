"""`bentoml token` prints a token and the digest that opens a gate for it, and no two alike."""

from __future__ import annotations

import json

from click.testing import CliRunner

from bentoml.cli.main import commandline_interface
from bentoml.server.front.auth import Gate


def printed() -> dict[str, str]:
    done = CliRunner().invoke(commandline_interface, ["token", "-o", "json"])
    assert done.exit_code == 0, done.output
    values: dict[str, str] = json.loads(done.stdout)
    return values


def test_token_opens_a_gate_with_its_digest_and_no_other() -> None:
    first, second = printed(), printed()
    gate = Gate([first["digest"]], "area")
    assert gate.admits([(b"x-api-key", first["token"].encode())])
    assert not gate.admits([(b"x-api-key", second["token"].encode())])
