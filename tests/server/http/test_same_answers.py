"""One table of requests through both lanes of the front: the answers are the same, byte for byte, headers included,
and so are the lines in the access log.

Each request is followed by another one on the same connection, or by the end of the connection, so that answers that
leave a client out of step differ as well.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace

import pytest

from tests.server.access_lines import AccessLines
from tests.server.live import LiveServer
from tests.server.raw_http import asgi_path, connection, receive_all, receive_answers, request

JSON = b"Content-Type: application/json"
ID = b"X-Request-Id: given"
FOLLOWING = request(b"POST", b"/total", b"[[41, 1]]", b"X-Request-Id: following", b"Connection: close")
BIG = json.dumps("x" * 700_000).encode()
# What no answer may tell about the server.
INTERNALS = (b"Traceback", b".py", b"bentoml.", b"site-packages", b"/tmp", b"/home", b"0x")


@dataclass(frozen=True)
class Case:
    """One request; `path` goes to the fast lane as it is, and to the other one in another spelling.

    A body of `None` sends no length either; `chunks` replace it.
    """

    status: int
    method: bytes
    path: bytes
    body: bytes | None = b""
    headers: tuple[bytes, ...] = (JSON, ID)
    version: bytes = b"1.1"
    chunks: tuple[bytes, ...] | None = None
    closes: bool = False
    pieces: int = 1

    def message(self, path: bytes) -> bytes:
        if self.chunks is not None:
            lines = [b"%b %b HTTP/1.1" % (self.method, path), b"Host: x", b"Transfer-Encoding: chunked", *self.headers]
            coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in self.chunks)
            return b"\r\n".join(lines) + b"\r\n\r\n" + coded + b"0\r\n\r\n"
        if self.body is None:
            return b"\r\n".join([b"%b %b HTTP/%b" % (self.method, path, self.version), *self.headers, b"", b""])
        return request(self.method, path, self.body, *self.headers, version=self.version)


CASES = {
    "frame": Case(200, b"POST", b"/total", b"[[1, 2]]"),
    "no-id": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON,)),
    "bad-id": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON, b"X-Request-Id: with space")),
    "empty-id": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON, b"X-Request-Id:")),
    "long-id": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON, b"X-Request-Id: " + b"x" * 129)),
    "two-ids": Case(200, b"POST", b"/echo", b"1", (JSON, b"X-Request-Id: a", b"X-Request-Id: b")),
    "csv": Case(200, b"POST", b"/total", b"a,b\n1,2\n", (b"Content-Type: text/csv", ID)),
    "query": Case(200, b"POST", b"/echo?a=1&b=%20", b"1"),
    "empty-query": Case(200, b"POST", b"/echo?", b"1"),
    "query-of-slashes": Case(200, b"POST", b"/echo?/total?x=/", b"1"),
    "query-not-ascii": Case(400, b"POST", b"/echo?\xc3\xa9", b"1", closes=True),
    "fragment": Case(200, b"POST", b"/echo?a=1#part", b"1"),
    "get": Case(200, b"GET", b"/echo", b'{"a": 1}'),
    "get-without-body": Case(400, b"GET", b"/echo", None),
    "post-without-length": Case(400, b"POST", b"/echo", None),
    "coroutine": Case(200, b"POST", b"/wait_for", b"0"),
    "unicode": Case(200, b"POST", b"/picky", '"\u00e9\u6f22"'.encode()),
    "large": Case(200, b"POST", b"/echo", BIG),
    "large-in-pieces": Case(200, b"POST", b"/echo", BIG, pieces=20),
    "in-pieces": Case(200, b"POST", b"/total", b"[[1, 2]]", pieces=9),
    "chunked": Case(200, b"POST", b"/total", chunks=(b"[[1", b", 2]", b"]")),
    "chunked-in-pieces": Case(200, b"POST", b"/total", chunks=(b"[[1", b", 2]", b"]"), pieces=11),
    "chunked-large": Case(200, b"POST", b"/echo", chunks=(BIG[:100_000], BIG[100_000:])),
    "chunked-empty": Case(400, b"POST", b"/total", chunks=()),
    "204": Case(204, b"POST", b"/status", b"204"),
    "205": Case(205, b"POST", b"/status", b"205"),
    "304": Case(304, b"POST", b"/status", b"304"),
    "status-without-name": Case(299, b"POST", b"/status", b"299"),
    "status-of-no-answer": Case(500, b"POST", b"/status", b"100"),
    "204-and-close": Case(204, b"POST", b"/status", b"204", (JSON, ID, b"Connection: close"), closes=True),
    "malformed": Case(400, b"POST", b"/total", b"{bad"),
    "empty": Case(400, b"POST", b"/total", b""),
    "own-status": Case(400, b"POST", b"/refuse", b"1"),
    "gzip-error": Case(400, b"POST", b"/echo", b"xx", (b"Content-Encoding: gzip", ID)),
    "unknown-path": Case(404, b"POST", b"/nowhere", b"1"),
    "unknown-path-as-text": Case(404, b"GET", b"/nowhere", None, (b"Host: x", ID)),
    "unknown-path-as-json": Case(404, b"GET", b"/nowhere", None, (b"Host: x", ID, b"Accept: application/json")),
    "unknown-path-as-json-without-id": Case(404, b"GET", b"/nowhere", None, (b"Accept: application/json",)),
    "unknown-path-in-a-browser": Case(404, b"POST", b"/nowhere", b"1", (JSON, ID, b"Accept: text/html, */*;q=0.1")),
    "unknown-path-in-1.0": Case(404, b"GET", b"/nowhere", None, version=b"1.0", closes=True),
    "other-method": Case(405, b"PUT", b"/total", b"1"),
    "other-method-as-text": Case(405, b"PUT", b"/total", b"1", (ID,)),
    "other-method-as-json": Case(405, b"PUT", b"/total", b"1", (ID, b"Accept: application/json")),
    "other-method-as-json-without-id": Case(405, b"PUT", b"/total", b"1", (JSON,)),
    "other-method-in-a-browser": Case(405, b"PUT", b"/total", b"1", (JSON, ID, b"Accept: text/html")),
    "other-method-with-large-body": Case(405, b"PUT", b"/total", BIG),
    "time-out": Case(408, b"POST", b"/hurried", b"1"),
    "too-large": Case(413, b"POST", b"/echo", b"x" * (21 << 20)),
    "too-large-and-close": Case(
        413, b"POST", b"/echo", b"x" * (21 << 20), (JSON, ID, b"Connection: close"), closes=True
    ),
    "too-large-chunked": Case(413, b"POST", b"/echo", chunks=(b"x" * (11 << 20), b"x" * (11 << 20))),
    "client-time-out": Case(
        408, b"POST", b"/wait_for", b"30", (JSON, ID, b"X-Request-Timeout-Ms: 60000", b"X-Request-Timeout-Ms: 200")
    ),
    "unusable-time-out": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"X-Request-Timeout-Ms: soon")),
    "user-error": Case(500, b"POST", b"/picky", b'"boom"'),
    "close": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Connection: close"), closes=True),
    "close-among-others": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Connection: x, Close"), closes=True),
    "1.0": Case(200, b"POST", b"/total", b"[[1, 2]]", version=b"1.0", closes=True),
    "1.0-keep-alive": Case(
        200, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Connection: keep-alive"), version=b"1.0", closes=True
    ),
    "1.0-without-length": Case(400, b"POST", b"/total", None, version=b"1.0", closes=True),
    "upgrade": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Connection: Upgrade", b"Upgrade: h2c")),
    "expect": Case(200, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Expect: 100-continue")),
    "expect-in-1.0": Case(
        200, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Expect: 100-continue"), version=b"1.0", closes=True
    ),
    "expect-too-large": Case(
        413, b"POST", b"/echo", b"x" * (21 << 20), (JSON, ID, b"Expect: 100-continue"), closes=True
    ),
    "unknown-expectation-as-json": Case(
        417, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Accept: application/json", b"Expect: tea"), closes=True
    ),
    "unknown-expectation-in-a-browser": Case(
        417, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Accept: text/html", b"Expect: tea"), closes=True
    ),
    "unreadable-header-as-json": Case(
        400, b"POST", b"/total", b"[[1, 2]]", (ID, b"Accept: application/json", b"X-A: 1", b"A B: 1"), closes=True
    ),
    "unreadable-header": Case(400, b"POST", b"/total", b"[[1, 2]]", (ID, b"A B: 1"), closes=True),
    "unreadable-chunk-as-json": Case(
        400, b"POST", b"/total", None, (ID, JSON, b"Transfer-Encoding: chunked", b"", b"zz"), closes=True
    ),
    "many-headers-as-json": Case(
        431, b"POST", b"/total", b"1", (ID, b"Accept: application/json", *[b"X-A: 1"] * 130), closes=True
    ),
    "unknown-expectation": Case(417, b"POST", b"/total", b"[[1, 2]]", (JSON, ID, b"Expect: tea"), closes=True),
}


def exchange(server: LiveServer, case: Case, path: bytes) -> bytes:
    """All bytes that a client gets, without what differs each time."""
    message = case.message(path)
    step = -(-len(message) // case.pieces)
    with connection(server) as sock:
        for start in range(0, len(message), step):
            sock.sendall(message[start : start + step])
            if case.pieces > 1:
                time.sleep(0.002)  # so that they are likely to come one by one
        if not case.closes:
            sock.sendall(FOLLOWING)
        answers = receive_all(sock)
    return masked_answers(answers)


def masked_answers(answers: bytes) -> bytes:
    """Without what differs each time."""
    answers = re.sub(rb"date: [^\r]+\r\n", b"date: now\r\n", answers)
    uuid = rb"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"
    return re.sub(uuid, b"UUID", answers)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_both_lanes_give_the_same_bytes(server: LiveServer, case: Case) -> None:
    lines = AccessLines(server)
    fast = exchange(server, case, case.path)
    fast_lines = lines.take()
    # Answered once the worker is free again, also after a call that outlived its caller's patience.
    assert server.client.post("/echo", json=1).status_code == 200
    lines.take()
    slow = exchange(server, case, asgi_path(case.path))
    assert fast == slow
    assert fast_lines == lines.take()
    assert len(fast_lines) == (1 if case.closes else 2)
    # The parser stops at the target that is none, and nothing is known of it.
    asked = f"{case.method.decode()} {case.path.partition(b'?')[0].decode()}" if case.path.isascii() else "- -"
    assert fast_lines[0].startswith(f'127.0.0.1 "{asked}" {case.status} ')
    final = fast.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert final.startswith(b"HTTP/1.1 %d " % case.status), final[:200]
    assert b"date: now\r\n" in final
    assert b"\r\nx-content-type-options: nosniff\r\n" in final
    assert b"x-request-id: " in final
    assert not [word for word in INTERNALS if word in final]
    assert final.endswith(b"\r\n\r\n[42]") is not case.closes
    assert (b"\r\nconnection: close" in final.partition(b"\r\n\r\n")[0]) is case.closes


@pytest.mark.parametrize(("method", "path"), [(b"GET", b"/nowhere"), (b"PUT", b"/echo"), (b"POST", b"/metadata")])
@pytest.mark.parametrize("given", [b"X-Request-Id: mine", b"X-Other: 1"], ids=["given-id", "own-id"])
def test_error_as_json_has_the_id_of_its_header(server: LiveServer, method: bytes, path: bytes, given: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(request(method, path, b"1", b"Accept: application/json", given))
        (answer,) = receive_answers(sock, 1)
    head, _, body = answer.partition(b"\r\n\r\n")
    (request_id,) = re.findall(rb"x-request-id: (\S+)", head)
    error = json.loads(body)["error"]
    assert sorted(error) == ["code", "message", "request_id"]
    assert error["request_id"] == request_id.decode()
    assert (request_id == b"mine") is (given != b"X-Other: 1")
    assert b"content-type: application/json\r\n" in head


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("time-out", b"Request timeout"),
        ("too-large", b"Request body is too large"),
        ("own-status", b"Exception happened in API function: not this one"),
        ("user-error", b"Exception happened in API function: no boom please"),
    ],
)
def test_body_that_clients_match_on_is_text_for_clients_of_json_too(server: LiveServer, name: str, body: bytes) -> None:
    case = CASES[name]
    answer = exchange(server, replace(case, headers=(*case.headers, b"Accept: application/json")), case.path)
    assert answer.partition(b"\r\n\r\n")[2].startswith(body + b"HTTP/1.1 200")


@pytest.mark.parametrize("name", ["frame", "csv", "query", "get", "malformed", "empty", "user-error", "gzip-error"])
def test_a_head_that_came_before_gives_the_same_bytes(server: LiveServer, name: str) -> None:
    case = CASES[name]
    answers = []
    with connection(server) as sock:
        for _ in range(3):
            sock.sendall(request(case.method, case.path, case.body or b"", *case.headers[:-1]))
            answers += receive_answers(sock, 1)
    ids = [re.search(rb"x-request-id: (\S+)", answer)[1] for answer in answers]  # type: ignore[index]
    assert len(set(ids)) == 3
    masked = {masked_answers(answer) for answer in answers}
    assert len(masked) == 1


@pytest.mark.parametrize("path", [b"/hurried", asgi_path(b"/hurried")], ids=["fast", "slow"])
def test_request_that_comes_too_late_is_refused_in_the_same_words(server: LiveServer, path: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/hurried", b"1.5"))
        # Its time is up, but the worker goes on.
        assert receive_answers(sock, 1)[0].startswith(b"HTTP/1.1 408 ")
        case = Case(429, b"POST", b"/hurried", b"0")
        answer = exchange(server, case, path)
    assert answer.startswith(
        b"HTTP/1.1 429 Too Many Requests\r\ndate: now\r\nx-content-type-options: nosniff\r\n"
        b"content-type: text/plain; charset=utf-8\r\nretry-after: "
    )
    assert answer.endswith(b"\r\n\r\n[42]")


@pytest.mark.parametrize("path", [b"/die", asgi_path(b"/die")], ids=["fast", "slow"])
def test_request_whose_workers_die_is_refused_in_the_same_words(server: LiveServer, path: bytes) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"POST", path, b"1", ID, b"Connection: close"))
        answer = re.sub(rb"date: [^\r]+\r\n", b"", receive_all(sock))
    assert answer == (
        b"HTTP/1.1 503 Service Unavailable\r\nx-content-type-options: nosniff\r\n"
        b"content-type: text/plain; charset=utf-8\r\nretry-after: 1\r\n"
        b"content-length: 19\r\nx-request-id: given\r\nconnection: close\r\n\r\nService Unavailable"
    )
    end_s = time.monotonic() + 60
    while server.client.get("/readyz").status_code != 200:
        assert time.monotonic() < end_s
        time.sleep(0.05)  # between looks at the real thing, under a deadline


@pytest.mark.parametrize("path", [b"/echo", b"/livez", b"/docs.json", b"/nowhere"])
def test_head_has_the_headers_of_get_and_no_body(server: LiveServer, path: bytes) -> None:
    get = exchange(server, Case(200, b"GET", path, b"1"), path)
    head = exchange(server, Case(200, b"HEAD", path, b"1"), path)
    first, _, rest = get.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", first)
    assert length is not None
    assert head == first + b"\r\n\r\n" + rest[int(length[1]) :]


@pytest.mark.parametrize("path", [b"/echo", b"/total", b"/livez", b"/nowhere", b"*"])
def test_options_is_answered_and_leaves_the_connection_in_step(server: LiveServer, path: bytes) -> None:
    answer = exchange(server, Case(200, b"OPTIONS", path, None, (b"Host: x", ID)), path)
    expected = {b"/nowhere": b"404", b"*": b"404"}.get(path, b"200")
    assert answer.split()[1] == expected
    assert answer.endswith(b"\r\n\r\n[42]")
    assert (b"\r\nallow: " in answer) is (expected == b"200")
