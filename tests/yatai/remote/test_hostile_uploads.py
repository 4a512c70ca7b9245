"""What may be said to the bytes of an upload, besides that they have come."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import (
    BentoMLException,
    BentoMLRpcError,
    BundleIntegrityException,
    InvalidArgument,
    YataiServiceException,
)
from bentoml.saved_bundle import load_bento_service_metadata
from bentoml.yatai.models import Bento
from bentoml.yatai.remote import RemoteSettings, open_registry
from tests.yatai.remote.hostile_server import Answer, HostileServer, answer, document, hostile_server, refusal
from tests.yatai.remote.test_hostile_answers import BUNDLE
from tests.yatai.server.bundles import digest_of, write_bundle

MODEL = os.urandom(200_000)
TOO_LARGE = answer(413, b"<html>", "text/html")
TAKEN = answer(204)


def begun(offset: int = 0, size_bytes: int = len(MODEL), digest: str = digest_of(MODEL)) -> Answer:
    missing = {"digest": digest, "size_bytes": size_bytes, "offset": offset}
    return document({"id": "ab", "expires_at": None, "missing": [missing], "bundle": None})


def register(server: HostileServer, tmp_path: Path, home: Path) -> Bento:
    directory = write_bundle(tmp_path, model=MODEL)
    registry = open_registry(server.url, RemoteSettings(cache_directory=home, retry_for_s=2, idle_timeout_s=5))
    return registry.register(directory, load_bento_service_metadata(directory))


def offsets(server: HostileServer) -> list[int]:
    """Where what was sent began."""
    return [int(found) for head in server.heads for found in re.findall(r"(?im)^upload-offset: (\d+)", head)]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([TAKEN], [0], id="at-once"),
        pytest.param([TOO_LARGE, TAKEN, TAKEN, TAKEN, TAKEN], [0, 0, 65536, 131072, 196608], id="a-proxy-takes-less"),
        pytest.param([refusal(409, "aborted", "x", upload_offset="150000"), TAKEN], [0, 150000], id="more-has-come"),
        pytest.param([refusal(409, "aborted", "x", retry_after="1"), begun(7), TAKEN], [0, 7], id="another-sends"),
        pytest.param([refusal(422, "data_loss", "x", upload_offset="0"), TAKEN], [0, 0], id="something-else-came"),
        pytest.param([answer(502), begun(120_000), TAKEN], [0, 120_000], id="the-registry-restarts"),
        pytest.param([answer(502), document({"id": "ab", "missing": []})], [0], id="all-has-come"),
        pytest.param([answer(502), begun(len(MODEL)), TAKEN], [0, len(MODEL)], id="all-but-the-comparison"),
    ],
)
def test_register_goes_on_as_the_registry_says(
    tmp_path: Path, client_home: Path, answers: list[Answer], expected: list[int]
) -> None:
    with hostile_server(begun(), *answers, document(BUNDLE)) as server:
        assert register(server, tmp_path, client_home).tag == "Iris:1"
        assert offsets(server) == expected
        assert server.heads[-1].startswith("POST /api/v1/uploads/ab/commit ")


ENDS: list[Any] = [
    pytest.param([TOO_LARGE], BentoMLRpcError, "takes no larger bodies", id="no-body-is-small-enough"),
    pytest.param([refusal(422, "data_loss", "other")], BundleIntegrityException, "other", id="other-bytes-each-time"),
    pytest.param([refusal(404, "not_found", "gone")], YataiServiceException, "given up meanwhile", id="given-up"),
    pytest.param([refusal(400, "invalid_argument", "no")], InvalidArgument, "^no$", id="refused"),
    pytest.param([refusal(409, "aborted", "x", upload_offset="0")], BentoMLRpcError, "^x$", id="the-same-each-time"),
]


@pytest.mark.parametrize(("answers", "error", "text"), ENDS)
def test_register_when_it_cannot_go_on_ends(
    tmp_path: Path, client_home: Path, answers: list[Answer], error: type[BentoMLException], text: str
) -> None:
    with hostile_server(begun(), *answers) as server, pytest.raises(error, match=text):
        register(server, tmp_path, client_home)


@pytest.mark.parametrize(
    "lie",
    [
        begun(digest=digest_of(b"another")),
        begun(size_bytes=10),
        begun(offset=len(MODEL) + 1),
        begun(offset=-1),
    ],
    ids=["content", "size", "offset", "negative"],
)
def test_register_when_the_registry_lacks_what_the_bundle_has_not_ends(
    tmp_path: Path, client_home: Path, lie: Answer
) -> None:
    with hostile_server(lie) as server, pytest.raises(BentoMLRpcError, match="lacks contents which the bundle"):
        register(server, tmp_path, client_home)
