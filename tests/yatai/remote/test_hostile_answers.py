"""What a registry, or what passes for one, may answer: it costs little, and the error says what to do."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import (
    BadInput,
    BentoMLException,
    BentoMLRpcError,
    BundleIntegrityException,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unauthenticated,
    YataiServiceException,
    YataiServiceRpcAborted,
)
from bentoml.service.metadata import BentoServiceMetadata
from bentoml.types import Tag
from bentoml.yatai.bundle_tree import BundleTree, TreeEntry
from bentoml.yatai.models import Bento, BentoUri
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from bentoml.yatai.remote.failures import AccessDenied, TransientError
from tests.yatai.remote.hostile_server import (
    Answer,
    HostileServer,
    answer,
    document,
    endless,
    hostile_server,
    nothing,
    raw,
    refusal,
    silence,
)
from tests.yatai.server.bundles import digest_of

IRIS = Tag("Iris", "1")
BUNDLE = {
    "name": "Iris",
    "version": "1",
    "uri": {"type": "LOCAL", "uri": "/srv/Iris/1"},
    "metadata": {"name": "Iris", "version": "1"},
    "labels": {},
    "status": {"status": "DONE"},
    "created_at": "2026-11-28T10:00:00Z",
    "of_later_versions": 1,
}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def opened(server: HostileServer, home: Path, **settings: Any) -> RemoteRegistry:
    chosen = {"retry_for_s": 0.3, "idle_timeout_s": 5, **settings}
    return open_registry(server.url, RemoteSettings(cache_directory=home, **chosen))


ERRORS: list[Any] = [
    pytest.param(refusal(404, "not_found", "BentoService Iris:1 not found"), NotFound, "Iris:1 not found", id="404"),
    pytest.param(refusal(400, "invalid_argument", "bad"), InvalidArgument, "^bad$", id="400"),
    pytest.param(refusal(409, "aborted", "taken"), YataiServiceRpcAborted, "^taken$", id="409"),
    pytest.param(refusal(409, "failed_precondition", "not yet"), FailedPrecondition, "^not yet$", id="precondition"),
    pytest.param(refusal(500, "data_loss", "damaged"), BundleIntegrityException, "damaged", id="data-loss"),
    pytest.param(refusal(401, "unauthenticated", "who"), Unauthenticated, r"who\. Set yatai\.remote\.acc", id="401"),
    pytest.param(refusal(403, "permission_denied", "ada may not"), AccessDenied, "ada may not", id="403"),
    pytest.param(refusal(500, "internal", "failed"), YataiServiceException, r"500: failed \(request id r1\)", id="500"),
    pytest.param(refusal(503, "unavailable", "busy"), TransientError, "busy.*try again in a moment", id="503"),
    pytest.param(refusal(404, "not_found", "a\x1b[31mb"), NotFound, r"^a\?\[31mb$", id="what-a-terminal-would-obey"),
    pytest.param(refusal(418, "teapot", "tea"), BentoMLRpcError, "answered 418 with application/json", id="no-code"),
    pytest.param(answer(404, b"<html>", "text/html"), BentoMLRpcError, "404 with text/html.*with its path", id="html"),
    pytest.param(answer(401, b"<html>", "text/html"), Unauthenticated, "before the registry wants a login", id="p401"),
    pytest.param(answer(403, b"<html>", "text/html"), AccessDenied, "before the registry refuses", id="proxy-403"),
    pytest.param(
        answer(502, b"<html>", "text/html"),
        TransientError,
        "answered 502, so it does not answer the proxy",
        id="proxy-502",
    ),
    pytest.param(answer(302, location="http://e.example/"), BentoMLRpcError, "points to 'http://e.ex", id="redirect"),
    pytest.param(answer(200, b"<html>", "text/html"), BentoMLRpcError, "something else than it should", id="html-200"),
    pytest.param(answer(200, b"[1]"), BentoMLRpcError, "something else than it should", id="other-json"),
    pytest.param(answer(200, b"\xff\xfe"), BentoMLRpcError, "something else than it should", id="no-text"),
    pytest.param(answer(200, b"[" * 100_000), BentoMLRpcError, "something else than it should", id="deep"),
    pytest.param(
        document({**BUNDLE, "metadata": {"name": 1, "apis": 7}}),
        BentoMLRpcError,
        "description of Iris:1 that is none",
        id="metadata",
    ),
    pytest.param(
        document({**BUNDLE, "status": {}}), BentoMLRpcError, "description of Iris:1 that is none", id="no-status"
    ),
    pytest.param(raw(HEAD + b"content-length: 100\r\n\r\n{"), TransientError, "broke off", id="cut-body"),
    pytest.param(raw(HEAD + b"\r\n{}"), TransientError, "broke off", id="no-length"),
    pytest.param(raw(b"HTTP/1.1 200 O"), TransientError, "broke off", id="cut-status"),
    pytest.param(raw(HEAD + b"content-length: -1\r\n\r\n{}"), TransientError, "broke off", id="negative-length"),
    pytest.param(raw(b"SSH-2.0-OpenSSH_9.6\r\n"), TransientError, "broke off", id="no-http"),
    pytest.param(raw(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{}"), TransientError, "broke off", id="cut-chunk"),
    pytest.param(
        raw(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        TransientError,
        "broke off",
        id="no-chunks",
    ),
    pytest.param(raw(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000), TransientError, "headers", id="many-headers"),
    pytest.param(raw(b"HTTP/1.1 200 OK\r\na: " + b"b" * 200_000), TransientError, "line", id="long-header"),
    pytest.param(nothing, TransientError, "broke off", id="nothing"),
]


@pytest.mark.parametrize(("given", "error", "text"), ERRORS)
def test_find_when_the_answer_is_an_error_raises_what_it_means(
    client_home: Path, given: Answer, error: type[BentoMLException], text: str
) -> None:
    with hostile_server(given) as server, pytest.raises(error, match=text) as raised:
        opened(server, client_home).find(IRIS)
    assert type(raised.value) is error


def test_find_reads_what_it_knows_of_an_answer(client_home: Path) -> None:
    with hostile_server(document(BUNDLE)) as server:
        found = opened(server, client_home).find(IRIS)
    assert (found.tag, found.uri.uri, found.aliases) == ("Iris:1", "/srv/Iris/1", ())


@pytest.mark.parametrize(
    "given",
    [
        endless(HEAD + b"content-length: 99999999999\r\n\r\n", b" " * 65536),
        endless(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
    ],
    ids=["length", "chunks"],
)
def test_find_when_the_answer_never_ends_gives_up(
    client_home: Path, monkeypatch: pytest.MonkeyPatch, given: Answer
) -> None:
    monkeypatch.setattr("bentoml.yatai.remote.api.MAX_DOCUMENT_BYTES", 1 << 20)
    with hostile_server(given) as server, pytest.raises(BentoMLRpcError, match="more than 1048576 bytes"):
        opened(server, client_home).find(IRIS)


def test_find_when_the_registry_is_silent_gives_up(client_home: Path) -> None:
    with hostile_server(silence) as server, pytest.raises(TransientError, match=r"said nothing for 0\.2 s"):
        opened(server, client_home, idle_timeout_s=0.2).find(IRIS)


def test_find_when_the_answer_drips_has_as_long_as_it_takes(client_home: Path) -> None:
    """Each piece comes within the limit on silence, all of them in several times that."""
    body = b'{"bundles": []}'
    head = HEAD + b"content-length: %d\r\n\r\n" % len(body)
    drops = [head, *(body[index : index + 1] for index in range(len(body)))]
    with hostile_server(raw(*drops, pause_s=0.06)) as server:
        began_s = time.monotonic()
        assert opened(server, client_home, idle_timeout_s=0.5).list_bentos(BentoQuery()) == []
    assert time.monotonic() - began_s > 0.5


def test_find_when_nobody_is_there_says_so_at_once(client_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    registry = open_registry(f"127.0.0.1:{port}", RemoteSettings(cache_directory=client_home))
    with pytest.raises(BentoMLRpcError, match=r"cannot be reached: Connection refused.*See whether") as raised:
        registry.find(IRIS)
    assert not isinstance(raised.value, TransientError)


def test_find_when_the_name_is_not_known_says_so(client_home: Path) -> None:
    registry = open_registry("registry.invalid", RemoteSettings(cache_directory=client_home))
    with pytest.raises(BentoMLRpcError, match=r"http://registry\.invalid cannot be reached"):
        registry.find(IRIS)


def test_find_when_the_registry_is_busy_is_tried_again(client_home: Path) -> None:
    busy = refusal(503, "unavailable", "busy", retry_after="1")
    with hostile_server(busy, nothing, answer(502), document(BUNDLE)) as server:
        began_s = time.monotonic()
        assert opened(server, client_home, retry_for_s=30).find(IRIS).tag == "Iris:1"
    assert len(server.heads) == 4
    assert time.monotonic() - began_s >= 1


CHANGES: list[Any] = [
    pytest.param(lambda registry: registry.delete(IRIS), id="delete"),
    pytest.param(lambda registry: registry.restore(IRIS), id="restore"),
    pytest.param(lambda registry: registry.remove_alias("Iris", "production"), id="remove-alias"),
    pytest.param(lambda registry: registry.change_labels(IRIS, {}, ["stage"]), id="remove-label"),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("given", [nothing, answer(504)], ids=["lost", "504"])
def test_change_when_it_may_have_been_made_is_not_made_again(
    client_home: Path, change: Callable[[RemoteRegistry], object], given: Answer
) -> None:
    with hostile_server(given) as server:
        with pytest.raises(TransientError, match="It may have been done all the same: look before you try again"):
            change(opened(server, client_home, retry_for_s=30))
        assert len(server.heads) == 1


def test_change_when_the_registry_refuses_for_the_moment_is_made_again(client_home: Path) -> None:
    with hostile_server(refusal(503, "unavailable", "busy"), answer(204)) as server:
        opened(server, client_home, retry_for_s=30).delete(IRIS)
        assert len(server.heads) == 2


def test_requests_carry_the_token_and_nothing_else_of_ours(client_home: Path) -> None:
    settings = RemoteSettings(access_token="bnt_secret", access_token_header="x-token", cache_directory=client_home)
    with hostile_server(document({**BUNDLE, "name": "Iris é"})) as server:
        registry = open_registry(f"{server.url}/team/registry", settings)
        registry.find(Tag("Iris é", "@production"))
    (head,) = server.heads
    lines = head.lower().splitlines()
    assert lines[0] == "get /team/registry/api/v1/bundles/iris%20%c3%a9/@production http/1.1"
    assert "authorization: bearer bnt_secret" in lines
    assert "x-token: bnt_secret" in lines
    assert "bnt_secret" not in repr(settings)


@pytest.mark.parametrize("token", ["a b", "a\r\nx: y", "é", ""])
def test_open_when_the_token_cannot_be_one_is_refused(token: str) -> None:
    if token == "":
        assert "authorization" not in str(vars(open_registry("localhost", RemoteSettings(access_token=None))))
        return
    with pytest.raises(BentoMLException, match="other characters than tokens do"):
        open_registry("localhost", RemoteSettings(access_token=token))


def test_open_with_a_token_without_tls_warns_once_for_each_host(caplog: pytest.LogCaptureFixture) -> None:
    settings = RemoteSettings(access_token="bnt_secret")
    with caplog.at_level(logging.WARNING):
        for url in ("http://open.example", "open.example:3000", "https://safe.example", "http://127.0.0.1:3000"):
            open_registry(url, settings)
    (record,) = caplog.records
    assert "goes to http://open.example without TLS" in record.getMessage()
    assert "bnt_secret" not in record.getMessage()


MODEL = b"m" * 5000
BENTO = Bento("Iris", "1", BentoUri(), BentoServiceMetadata("Iris", "1"))


def tree_of(path: str = "model.pkl") -> BundleTree:
    return BundleTree.of([TreeEntry(path, len(MODEL), digest_of(MODEL).removeprefix("sha256:"))])


def reading(server: HostileServer, home: Path, **settings: Any) -> bytes:
    with opened(server, home, **settings).reading(BENTO) as directory:
        return (directory / "model.pkl").read_bytes()


@pytest.mark.parametrize("path", ["../model.pkl", "/etc/model.pkl", "a//b", ".", "a\0b"])
def test_reading_when_the_list_names_files_elsewhere_is_refused(client_home: Path, path: str) -> None:
    listed = {"format": 1, "files": [{**tree_of().entries[0].to_json(), "path": path}]}
    with hostile_server(document(listed)) as server, pytest.raises(BadInput):
        reading(server, client_home)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        pytest.param(answer(200, b"x" * 5000), BundleIntegrityException, "did not arrive as it was reg", id="other"),
        pytest.param(answer(200, b"m" * 5001), BentoMLRpcError, "more bytes than model.pkl", id="longer"),
        pytest.param(answer(200, b"m" * 4999), TransientError, "a part of model.pkl only", id="shorter"),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", b"m" * 999),
            BentoMLRpcError,
            "more bytes than model.pkl",
            id="endless",
        ),
        pytest.param(answer(404, b"<html>", "text/html"), BentoMLRpcError, "404 with text/html", id="html"),
        pytest.param(refusal(404, "not_found", "Iris:1 not found"), NotFound, "Iris:1 not found", id="gone"),
        pytest.param(answer(307, location="file:///etc/passwd"), BentoMLRpcError, "not https", id="file"),
        pytest.param(answer(307, location="http:///x"), BentoMLRpcError, "names no host", id="no-host"),
        pytest.param(answer(302, location="http://127.0.0.1/"), BentoMLRpcError, "is not followed", id="302"),
    ],
)
def test_reading_when_the_registry_sends_something_else_leaves_nothing(
    client_home: Path, given: Answer, error: type[BentoMLException], text: str
) -> None:
    with hostile_server(document(tree_of().to_json()), given) as server, pytest.raises(error, match=text):
        reading(server, client_home)
    assert [entry.name for entry in client_home.iterdir() if entry.is_dir() and entry.name[0] != "."] == []
    assert list((client_home / ".staging").iterdir()) == []


def test_reading_when_a_content_was_wrong_once_takes_the_right_one(client_home: Path) -> None:
    answers = [document(tree_of().to_json()), answer(200, b"x" * 5000), answer(200, MODEL)]
    with hostile_server(*answers) as server:
        assert reading(server, client_home) == MODEL


def test_reading_goes_on_with_what_has_come(client_home: Path) -> None:
    cut = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + MODEL[:2000])
    rest = answer(206, MODEL[2000:], content_range="bytes 2000-4999/5000")
    with hostile_server(document(tree_of().to_json()), cut, rest) as server:
        assert reading(server, client_home) == MODEL
    assert "range: bytes=2000-" in server.heads[2].lower()
    assert f'if-range: "{digest_of(MODEL)}"' in server.heads[2].lower()


def test_reading_when_the_registry_knows_no_ranges_begins_anew(client_home: Path) -> None:
    cut = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + MODEL[:2000])
    with hostile_server(document(tree_of().to_json()), cut, answer(200, MODEL)) as server:
        assert reading(server, client_home) == MODEL


def test_reading_when_another_range_comes_is_refused(client_home: Path) -> None:
    cut = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + MODEL[:2000])
    other = answer(206, MODEL[1000:], content_range="bytes 1000-4999/5000")
    with (
        hostile_server(document(tree_of().to_json()), cut, other) as server,
        pytest.raises(BentoMLRpcError, match="other bytes of a file"),
    ):
        reading(server, client_home)


def test_reading_follows_to_a_store_without_the_token(client_home: Path) -> None:
    with hostile_server(answer(200, MODEL)) as store:
        target = answer(307, location=f"{store.url}/bucket/key?signature=s")
        with hostile_server(document(tree_of().to_json()), target) as server:
            assert reading(server, client_home, access_token="bnt_secret") == MODEL
    assert "redirect=true" in server.heads[1]
    assert "bnt_secret" in server.heads[1]
    (head,) = store.heads
    assert head.startswith("GET /bucket/key?signature=s HTTP/1.1")
    assert "bnt_secret" not in head
    assert "authorization" not in head.lower()


def test_reading_when_the_address_of_the_store_is_over_asks_for_another(client_home: Path) -> None:
    with hostile_server(answer(403, b"<Error/>", "application/xml"), answer(200, MODEL)) as store:
        target = answer(307, location=f"{store.url}/bucket/key")
        with hostile_server(document(tree_of().to_json()), target, target) as server:
            assert reading(server, client_home, retry_for_s=30) == MODEL
