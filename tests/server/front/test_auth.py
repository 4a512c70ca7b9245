"""Tokens before inference, metrics and pages: who has none gets 401 in both lanes, and nothing else changes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.server.front.auth import Gate, Gates
from bentoml.server.options.serve_options import ServeOptions
from bentoml.server.options.tokens import check_digests, digest_of, new_token
from tests.environments.late_import import late_import
from tests.server.live import LiveServer, live_server, save_bundle
from tests.server.raw_http import asgi_path, connection, receive_answers, request
from tests.server.server_options import server_options

openapi_spec_validator = late_import("openapi_spec_validator")

INFERENCE, METRICS, DOCS = "inference-token", "metrics-token", "docs-token"
SOURCE = """
    import bentoml
    from bentoml.adapters import JsonInput

    class Guarded(bentoml.BentoService):
        \"\"\"Speaks to friends only.\"\"\"

        @bentoml.api(input=JsonInput(), batch=True)
        def echo(self, items):
            return items

        @bentoml.api(input=JsonInput(), batch=False)
        def pieces(self, item):
            yield item
"""
CONFIG = {
    "bento_server": {
        "auth": {
            "inference_tokens": [digest_of("another"), digest_of(INFERENCE)],
            "metrics_tokens": [digest_of(METRICS)],
            "docs_tokens": [digest_of(DOCS)],
        }
    }
}


def statuses(answers: list[bytes]) -> list[int]:
    return [int(answer.split(b" ", 2)[1]) for answer in answers]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    directory = tmp_path_factory.mktemp("guarded")
    bundle = save_bundle(directory, SOURCE, class_name="Guarded")
    (directory / "home" / "bentoml.yml").write_text(json.dumps(CONFIG), encoding="utf-8")
    with live_server(bundle, home=directory / "home") as server:
        yield server


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_new_tokens_differ_and_are_long() -> None:
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 43


@pytest.mark.parametrize(
    "entry",
    ["my secret", "sha256:", "sha256:" + "g" * 64, "sha256:" + "A" * 64, digest_of("x") + "0", "md5:" + "0" * 64, ""],
)
def test_what_is_no_digest_is_refused_and_not_shown(entry: str) -> None:
    with pytest.raises(InvalidArgument, match="entry 2 of the list is not the digest") as caught:
        check_digests("the list", [digest_of("x"), entry])
    assert len(entry) < 8 or entry not in str(caught.value)


def test_options_refuse_a_token_in_place_of_its_digest() -> None:
    options = server_options()
    with pytest.raises(InvalidArgument, match=r"bento_server\.auth\.docs_tokens"):
        ServeOptions.from_json(options.to_json().replace('"docs_tokens": []', '"docs_tokens": ["plain"]'))


def test_options_survive_their_way_to_a_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "bentoml.yml"
    config.write_text(json.dumps(CONFIG), encoding="utf-8")
    monkeypatch.setenv("BENTOML_CONFIG", str(config))
    options = server_options()
    assert options.metrics_tokens == (digest_of(METRICS),)
    assert ServeOptions.from_json(options.to_json()) == options


# -- gates -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    headers: tuple[tuple[bytes, bytes], ...]
    opens: bool
    opens_with_passwords: bool | None = None


CASES = {
    "none": Case((), False),
    "bearer": Case(((b"authorization", b"Bearer good"),), True),
    "any-case": Case(((b"authorization", b"bEARER   good  "),), True),
    "api-key": Case(((b"x-api-key", b"good"),), True),
    "second-of-two": Case(((b"authorization", b"Bearer bad"), (b"x-api-key", b"good")), True),
    "wrong": Case(((b"authorization", b"Bearer bad"),), False),
    "prefix": Case(((b"authorization", b"Bearer goo"),), False),
    "longer": Case(((b"authorization", b"Bearer good1"),), False),
    "digest-itself": Case(((b"authorization", b"Bearer " + digest_of("good").encode()),), False),
    "no-scheme": Case(((b"authorization", b"good"),), False),
    "empty": Case(((b"authorization", b""), (b"x-api-key", b"")), False),
    "not-ascii": Case(((b"authorization", b"Bearer \xff\xfe"),), False),
    "basic": Case(((b"authorization", basic("anyone", "good").encode()),), False, True),
    "basic-user": Case(((b"authorization", basic("good", "bad").encode()),), False, False),
    "basic-broken": Case(((b"authorization", b"Basic !!!"),), False, False),
    "basic-without-colon": Case(((b"authorization", b"Basic Z29vZA=="),), False, False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_gate_opens_for_its_tokens_only(case: Case) -> None:
    digests = [digest_of("other"), digest_of("good")]
    with_passwords = case.opens if case.opens_with_passwords is None else case.opens_with_passwords
    assert Gate(digests, "area").admits(case.headers) is case.opens
    assert Gate(digests, "area", takes_passwords=True).admits(case.headers) is with_passwords


def test_gates_stand_open_by_default() -> None:
    gates = Gates(server_options())
    assert (gates.inference, gates.metrics, gates.pages) == (None, None, None)


# -- a server --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "token"),
    [
        ("/metrics", METRICS), ("/", DOCS), ("/docs", DOCS), ("/docs.json", DOCS), ("/metadata", DOCS),
        ("/static_content/page.css", DOCS),
    ],
)  # fmt: skip
def test_each_area_takes_its_own_tokens_only(guarded: LiveServer, path: str, token: str) -> None:
    for given in {INFERENCE, METRICS, DOCS, "nobody", digest_of(token)} - {token}:
        refused = guarded.client.get(path, headers={"Authorization": f"Bearer {given}"})
        assert refused.status_code == 401, given
    refused = guarded.client.get(path)
    assert (refused.status_code, refused.headers["cache-control"]) == (401, "no-store")
    assert refused.headers["www-authenticate"] == (
        'Bearer realm="metrics"' if token == METRICS else 'Basic realm="docs"'
    )
    assert refused.text == "Unauthorized: send a token as 'Authorization: Bearer TOKEN' or 'X-API-Key: TOKEN'"
    assert guarded.client.get(path, headers={"X-API-Key": token}).status_code == 200
    is_page = token == DOCS
    assert guarded.client.get(path, headers={"Authorization": basic("me", token)}).status_code == (
        200 if is_page else 401
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
def test_health_is_open(guarded: LiveServer, path: str) -> None:
    assert guarded.client.get(path).status_code == 200


def test_path_that_leads_nowhere_tells_strangers_nothing(guarded: LiveServer) -> None:
    assert guarded.client.get("/nowhere").status_code == 401
    assert guarded.client.get("/nowhere", headers={"X-API-Key": DOCS}).status_code == 404


def test_inference_asks_for_a_token_on_every_request_of_a_connection(guarded: LiveServer) -> None:
    good, bad = f"Authorization: Bearer {INFERENCE}".encode(), b"Authorization: Bearer nobody"
    wanted = [good, good, bad, good, b"X-None: 1", bad, good]
    with connection(guarded) as sock:
        sock.sendall(b"".join(request(b"POST", b"/echo", b"7", header) for header in wanted))
        assert statuses(receive_answers(sock, len(wanted))) == [200, 200, 401, 200, 401, 401, 200]
    with connection(guarded) as sock:
        # One after the other, so that the head of one that passed is known when the next one comes.
        for header, status in zip(wanted, [200, 200, 401, 200, 401, 401, 200], strict=True):
            sock.sendall(request(b"POST", b"/echo", b"7", header))
            assert statuses(receive_answers(sock, 1)) == [status]


@pytest.mark.parametrize("accept", [b"*/*", b"application/json"], ids=["text", "json"])
@pytest.mark.parametrize("path", [b"/echo", b"/pieces"])
def test_both_lanes_refuse_alike(guarded: LiveServer, path: bytes, accept: bytes) -> None:
    seen = set()
    for target in (path, asgi_path(path)):
        for header in (b"Authorization: " + basic("me", INFERENCE).encode(), b"X-None: 1"):
            with connection(guarded) as sock:
                sock.sendall(request(b"POST", target, b"7", header, b"X-Request-Id: same", b"Accept: " + accept))
                (answer,) = receive_answers(sock, 1)
            seen.add(re.sub(rb"date: .*\r\n", b"", answer))
    (refusal,) = seen
    assert statuses([refusal]) == [401]
    assert b'www-authenticate: Bearer realm="inference"\r\n' in refusal
    assert (b'{"error": {"code": "unauthorized", "message": "Unauthorized: ' in refusal) is (accept != b"*/*")
    assert (b'"request_id": "same"}}' in refusal) is (accept != b"*/*")


def test_refused_body_is_not_kept_and_the_connection_goes_on(guarded: LiveServer) -> None:
    with connection(guarded) as sock:
        sock.sendall(request(b"POST", b"/echo", b"1" * 300_000))
        sock.sendall(request(b"POST", b"/echo", b"7", f"X-API-Key: {INFERENCE}".encode()))
        assert statuses(receive_answers(sock, 2)) == [401, 200]


def test_what_browsers_ask_first_needs_no_token(guarded: LiveServer) -> None:
    assert guarded.client.options("/echo").status_code == 200
    assert guarded.client.options("/docs").status_code == 200


def test_refusals_stand_in_the_ledger(guarded: LiveServer) -> None:
    def refused() -> float:
        text = guarded.client.get("/metrics", headers={"X-API-Key": METRICS}).text
        samples = re.findall(r'^BENTOML_Guarded_refused_total\{.*reason="unauthorized".*\} (\S+)$', text, re.MULTILINE)
        return sum(map(float, samples))

    before = refused()
    guarded.client.post("/echo", json=1)
    guarded.client.post("/pieces", json=1)
    assert refused() == before + 2


def test_document_says_that_apis_ask_for_tokens(guarded: LiveServer) -> None:
    document = guarded.client.get("/docs.json", headers={"X-API-Key": DOCS}).json()
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    assert document["paths"]["/echo"]["post"]["security"] == [{"bearer": []}, {"api_key": []}]
    assert document["paths"]["/feedback"]["post"]["security"] == [{"bearer": []}, {"api_key": []}]
    assert "security" not in document["paths"]["/healthz"]["get"]
    openapi_spec_validator.OpenAPIV30SpecValidator(document).validate()


@pytest.mark.parametrize("accept", ["text/plain", "application/json"])
def test_document_says_how_a_request_without_a_token_is_answered(guarded: LiveServer, accept: str) -> None:
    document = guarded.client.get("/docs.json", headers={"X-API-Key": DOCS}).json()
    for path in ("/echo", "/feedback"):
        answer = guarded.client.post(path, json=1, headers={"Accept": accept})
        reference = document["paths"][path]["post"]["responses"][str(answer.status_code)]["$ref"]
        said = document["components"]["responses"][reference.rpartition("/")[2]]
        assert answer.headers["content-type"].partition(";")[0] == accept
        assert accept in said["content"]
        assert set(said["headers"]) <= {"WWW-Authenticate"}
        assert "www-authenticate" in answer.headers
    assert "401" not in document["paths"]["/healthz"]["get"]["responses"]
