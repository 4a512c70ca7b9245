"""Objects on the web: read and written whole, and nothing that a hostile server or address can get out of it."""

from __future__ import annotations

import base64
import io
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import BentoMLConfigException, BentoMLException, InvalidArgument, NotFound, Unauthenticated
from bentoml.storage.address import parse_address
from bentoml.storage.http_store import HttpRules, HttpStore
from bentoml.storage.network_guard import NetworkGuard, parse_networks
from bentoml.storage.timed_socket import TimeLimits
from tests.server.certificates import Certificate, make_certificate
from tests.storage.web_server import Request, WebServer, web_server

HERE = NetworkGuard(parse_networks(["127.0.0.1/32", "::1/128"]))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server(certificate: Certificate) -> Iterator[WebServer]:
    with web_server(certificate.certfile, certificate.keyfile) as running:
        yield running


@pytest.fixture
def rules(certificate: Certificate) -> HttpRules:
    return HttpRules(guard=HERE, ca_file=str(certificate.certfile), idle_timeout_s=10, max_time_s=20)


def get(url: str, rules: HttpRules) -> bytes:
    address = parse_address(url)
    with HttpStore(address, rules).open(address.name) as stream:
        return b"".join(stream.chunks)


def test_open_gives_the_size_first_and_then_the_bytes(server: WebServer, rules: HttpRules) -> None:
    content = bytes(range(256)) * 10_000
    server.file("/a/x.tar.gz", content)
    address = parse_address(server.url("/a/x.tar.gz?signature=1&b=%20"))
    with HttpStore(address, rules).open(address.name) as stream:
        assert stream.size_bytes == len(content)
        chunks = list(stream.chunks)
    assert b"".join(chunks) == content
    assert max(len(chunk) for chunk in chunks) <= 1 << 20
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/a/x.tar.gz?signature=1&b=%20")
    assert request.headers["host"] == f"localhost:{server.port}"
    assert request.headers["accept-encoding"] == "identity"


def test_open_reads_a_body_in_chunks_and_one_that_ends_with_the_connection(server: WebServer, rules: HttpRules) -> None:
    server.send("/chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    server.send("/end", b"HTTP/1.0 200 OK\r\n\r\nabcde")
    assert get(server.url("/chunks"), rules) == b"abcde"
    assert get(server.url("/end"), rules) == b"abcde"


def test_write_puts_all_of_it(server: WebServer, rules: HttpRules) -> None:
    server.send("/up", b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    content = bytes(range(256)) * 5000
    address = parse_address(server.url("/up?signature=abc"))
    HttpStore(address, rules).write(address.name, io.BytesIO(content), len(content))
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("PUT", "/up?signature=abc", content)


def test_write_to_a_server_that_refuses_before_it_has_read_everything_says_why(rules: HttpRules) -> None:
    def refuse(head: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)

    with web_server(refuse_unread=refuse) as server:
        address = parse_address(server.url("/up"))
        store = HttpStore(address, replace(rules, allow_http=True))
        with pytest.raises(Unauthenticated, match="status 403"):
            store.write("/up", io.BytesIO(bytes(20 << 20)), 20 << 20)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_write_does_not_follow_redirections(server: WebServer, rules: HttpRules, status: int) -> None:
    server.redirect("/up", "/other", status)
    address = parse_address(server.url("/up"))
    with pytest.raises(BentoMLException, match="asks to write elsewhere"):
        HttpStore(address, rules).write("/up", io.BytesIO(b"1"), 1)
    assert [request.target for request in server.requests] == ["/up"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotFound),
        (410, NotFound),
        (401, Unauthenticated),
        (403, Unauthenticated),
        (500, BentoMLException),
        (204, BentoMLException),
        (206, BentoMLException),
        (304, BentoMLException),
    ],
)
def test_open_of_an_answer_without_the_object_says_why(
    server: WebServer, rules: HttpRules, status: int, kind: type[Exception]
) -> None:
    server.send("/x", f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(kind) as caught:
        get(server.url("/x?token=secret"), rules)
    assert type(caught.value) is kind
    assert "secret" not in str(caught.value)
    assert str(caught.value).startswith(f"https://localhost:{server.port}/x: ")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/there?q=1", "there?q=1", "//localhost:{port}/there?q=1", "{url}?q=1#part"])
def test_open_follows_redirections(server: WebServer, rules: HttpRules, status: int, location: str) -> None:
    server.redirect("/here", location.format(port=server.port, url=server.url("/there")), status)
    server.file("/there", b"found")
    assert get(server.url("/here"), rules) == b"found"
    assert [request.target for request in server.requests] == ["/here", "/there?q=1"]


def test_open_of_a_redirection_loop_ends(server: WebServer, rules: HttpRules) -> None:
    server.redirect("/a", "/b")
    server.redirect("/b", "/a")
    with pytest.raises(InvalidArgument, match="more than 5 redirections"):
        get(server.url("/a"), rules)
    assert len(server.requests) == 6
    with pytest.raises(InvalidArgument, match="more than 0 redirections"):
        get(server.url("/a"), replace(rules, max_redirects=0))


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://169.254.169.254/latest/meta-data/", "169.254.169.254 is link-local"),
        ("https://127.0.0.2/", "127.0.0.2 is of this machine"),
        ("https://[::ffff:10.0.0.1]/", "is private"),
        ("http://localhost/", "not encrypted"),
        ("http://169.254.169.254/", "not encrypted"),
        ("file:///etc/passwd", "does not begin with https"),
        ("gopher://localhost/", "does not begin with https"),
        ("s3://bucket/x", "does not begin with https"),
        ("https://@/", "name of a host"),
        ("https://a b/", "have to be quoted"),
        ("https://[::1", "no address"),
        ("https://localhost:99999/", "no address"),
        ("", "does not say where"),
    ],
)
def test_open_follows_no_redirection_to_where_it_must_not_go(
    server: WebServer, rules: HttpRules, location: str, words: str
) -> None:
    server.redirect("/here", location)
    with pytest.raises(BentoMLException, match=words):
        get(server.url("/here"), replace(rules, allow_http=True))
    assert len(server.requests) == 1


def test_credentials_go_to_the_host_that_they_were_given_for_and_no_other(
    server: WebServer, certificate: Certificate, rules: HttpRules
) -> None:
    with web_server(certificate.certfile, certificate.keyfile) as other:
        server.redirect("/start", "/again")
        server.redirect("/again", other.url("/end"))
        other.file("/end", b"1")
        url = server.url("/start").replace("https://", "https://ada:p%40ss@")
        assert get(url, rules) == b"1"
        expected = "Basic " + base64.b64encode(b"ada:p@ss").decode()
        assert [request.headers.get("authorization") for request in server.requests] == [expected, expected]
        assert "authorization" not in other.requests[0].headers


def test_open_without_permission_asks_nobody(server: WebServer, rules: HttpRules) -> None:
    with pytest.raises(InvalidArgument, match=r"storage\.http\.allowed_networks"):
        get(server.url("/x"), replace(rules, guard=NetworkGuard()))
    assert server.requests == []


def test_http_is_asked_only_when_it_is_allowed(rules: HttpRules) -> None:
    with web_server() as server:
        server.file("/x", b"1")
        with pytest.raises(InvalidArgument, match=r"storage\.http\.allow_http"):
            get(server.url("/x"), rules)
        assert server.requests == []
        assert get(server.url("/x"), replace(rules, allow_http=True)) == b"1"


def test_proxies_of_the_environment_are_not_used(
    server: WebServer, rules: HttpRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.file("/x", b"1")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get(server.url("/x"), rules) == b"1"


def test_certificates_are_checked(server: WebServer, rules: HttpRules, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "other")
    for ca_file in (None, str(other.certfile)):
        with pytest.raises(BentoMLException, match=r"certificate .* not trusted.*storage\.http\.ca_file"):
            get(server.url("/x"), replace(rules, ca_file=ca_file))
    resolve = lambda _, port, **options: socket.getaddrinfo("127.0.0.1", port, **options)  # noqa: E731
    elsewhere = replace(rules, guard=replace(HERE, resolve=resolve))
    with pytest.raises(BentoMLException, match=r"not trusted.*[Hh]ostname mismatch"):
        get(server.url("/x", host="other.example"), elsewhere)
    assert server.requests == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_named(
    server: WebServer, rules: HttpRules, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BentoMLConfigException, match=r"storage\.http\.ca_file: .*ca\.pem"):
        get(server.url("/x"), replace(rules, ca_file=str(path)))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "after 3 of 9 bytes", id="short"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "the connection failed", id="short chunk"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", "the connection failed", id="no chunk"
        ),
        pytest.param(b"", "the connection failed", id="nothing"),
        pytest.param(b"SSH-2.0\r\n", "the connection failed", id="not HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000, "the connection failed", id="long header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200, "the connection failed", id="many headers"),
    ],
)
def test_open_of_a_broken_answer_says_so(server: WebServer, rules: HttpRules, answer: bytes, words: str) -> None:
    server.send("/x", answer)
    with pytest.raises(BentoMLException, match=words):
        get(server.url("/x"), rules)


def test_open_takes_no_more_than_the_length_that_was_said(server: WebServer, rules: HttpRules) -> None:
    server.send("/x", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdefgh")
    assert get(server.url("/x"), rules) == b"abc"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"], ids=["head", "body"])
def test_open_of_a_server_that_falls_silent_gives_up(server: WebServer, rules: HttpRules, head: bytes) -> None:
    def answer(request: Request, connection: socket.socket) -> None:
        connection.sendall(head)
        server.stopped.wait(30)

    server.answers["/x"] = answer
    with pytest.raises(BentoMLException, match="the server is too slow"):
        get(server.url("/x"), replace(rules, idle_timeout_s=0.2))
    server.stopped.set()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
def test_open_of_a_server_that_drips_ends_in_time(server: WebServer, rules: HttpRules, head: bytes) -> None:
    def answer(request: Request, connection: socket.socket) -> None:
        connection.sendall(head)
        while not server.stopped.wait(0.05):
            connection.sendall(b"a")

    server.answers["/x"] = answer
    with pytest.raises(BentoMLException, match="the server is too slow"):
        get(server.url("/x"), replace(rules, max_time_s=0.6))


def test_time_limits_leave_the_smaller_of_what_is_left() -> None:
    now = [100.0]
    limits = TimeLimits(idle_s=10, total_s=25, clock=lambda: now[0])
    assert limits.next_timeout_s() == 10
    now[0] = 120
    assert limits.next_timeout_s() == 5
    now[0] = 125
    with pytest.raises(TimeoutError, match="longer than 25 s"):
        limits.next_timeout_s()


def test_open_of_a_rebinding_name_never_asks_the_second_address(certificate: Certificate, rules: HttpRules) -> None:
    """The name has a good address when it is looked at, and one of this network ever after."""
    answers: list[Any] = ["127.0.0.1", "127.0.0.2", "127.0.0.2"]
    with web_server(certificate.certfile, certificate.keyfile) as good:
        good.redirect("/x", good.url("/y"))
        good.file("/y", b"1")

        def resolve(host: str, port: int, **options: Any) -> Any:
            return socket.getaddrinfo(answers.pop(0), port, **options)

        only_first = replace(rules, guard=replace(HERE, resolve=resolve))
        with pytest.raises(InvalidArgument, match=r"127\.0\.0\.2 is of this machine"):
            get(good.url("/x"), only_first)
        assert [request.target for request in good.requests] == ["/x"]
        assert answers == ["127.0.0.2"]
