"""TLS in front of both lanes, and what is said about certificates that cannot be used."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bentoml._http.tls import tls_context
from bentoml.exceptions import BentoMLException
from tests.server.certificates import Certificate, make_certificate
from tests.server.live import LiveServer, live_server
from tests.server.raw_http import receive_all, receive_answers, request
from tests.server.server_options import server_options


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def secure_server(
    everything_bundle: Path, certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    options = ["--ssl-certfile", str(certificate.certfile), "--ssl-keyfile", str(certificate.keyfile)]
    home = tmp_path_factory.mktemp("secure-home")
    with live_server(everything_bundle, *options, "--host", "localhost", home=home) as running:
        yield running


def trusting(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate.certfile))


def connect(server: LiveServer, context: ssl.SSLContext) -> ssl.SSLSocket:
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    return context.wrap_socket(sock, server_hostname="localhost")


@pytest.mark.parametrize("path", [b"/total", b"/%74otal"], ids=["fast", "slow"])
def test_both_lanes_answer_over_tls(secure_server: LiveServer, certificate: Certificate, path: bytes) -> None:
    assert secure_server.url.startswith("https://localhost:")
    with connect(secure_server, trusting(certificate)) as sock:
        for number in range(3):
            sock.sendall(request(b"POST", path, b"[[1,%d]]" % number))
            (answer,) = receive_answers(sock, 1)
            assert answer.endswith(b"\r\n\r\n[%d]" % (number + 1))


def test_large_body_crosses_tls(secure_server: LiveServer, certificate: Certificate) -> None:
    with httpx.Client(base_url=secure_server.url, verify=trusting(certificate), timeout=30, trust_env=False) as client:
        assert client.post("/length", json="x" * (4 << 20)).json() == 4 << 20


def test_tls_before_1_2_is_refused(secure_server: LiveServer, certificate: Certificate) -> None:
    context = trusting(certificate)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(secure_server, context)


def test_client_that_speaks_plain_http_is_let_go_and_nobody_else_notices(
    secure_server: LiveServer, certificate: Certificate
) -> None:
    with socket.create_connection(("127.0.0.1", secure_server.port), timeout=20) as sock:
        sock.sendall(request(b"POST", b"/total", b"[[1]]"))
        with contextlib.suppress(ConnectionResetError):
            assert not sock.recv(100).startswith(b"HTTP")
    with connect(secure_server, trusting(certificate)) as sock:
        sock.sendall(request(b"POST", b"/total", b"[[1]]"))
        (answer,) = receive_answers(sock, 1)
    assert answer.endswith(b"[1]")
    # Besides where it is served, and the records of what was answered.
    assert [line for line in secure_server.output().splitlines() if not line.startswith(("* ", "{"))] == []


def test_client_that_never_shakes_hands_is_let_go(
    everything_bundle: Path, certificate: Certificate, tmp_path: Path
) -> None:
    (tmp_path / "bentoml.yml").write_text("bento_server: {header_timeout_s: 1}")
    options = ["--ssl-certfile", str(certificate.certfile), "--ssl-keyfile", str(certificate.keyfile)]
    with live_server(everything_bundle, *options, home=tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            assert receive_all(sock) == b""
        assert "Traceback" not in server.output()


@pytest.mark.parametrize("is_missing", ["certificate", "key"])
def test_missing_file_is_named(certificate: Certificate, tmp_path: Path, is_missing: str) -> None:
    gone = str(tmp_path / "gone.pem")
    files = (gone, str(certificate.keyfile)) if is_missing == "certificate" else (str(certificate.certfile), gone)
    with pytest.raises(BentoMLException, match=f"{gone} cannot be read: No such file or directory; name a PEM file"):
        tls_context(server_options(ssl_certfile=files[0], ssl_keyfile=files[1]))


def test_files_in_each_others_place_are_told_apart(certificate: Certificate) -> None:
    with pytest.raises(BentoMLException, match=r"server.key holds no certificate in PEM form; .*--ssl-certfile"):
        tls_context(server_options(ssl_certfile=str(certificate.keyfile), ssl_keyfile=str(certificate.certfile)))
    with pytest.raises(BentoMLException, match=r"server.crt holds no private key in PEM form; .*--ssl-keyfile"):
        tls_context(server_options(ssl_certfile=str(certificate.certfile)))


def test_key_of_another_certificate_is_refused(certificate: Certificate, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "other")
    with pytest.raises(BentoMLException, match=r"other.key does not belong to the certificate .*server.crt"):
        tls_context(server_options(ssl_certfile=str(certificate.certfile), ssl_keyfile=str(other.keyfile)))


def test_damaged_certificate_is_refused(certificate: Certificate, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pem"
    damaged.write_bytes(certificate.certfile.read_bytes()[:200] + b"\n-----END CERTIFICATE-----\n")
    with pytest.raises(BentoMLException, match=r"cannot be used: .*; they must be PEM files"):
        tls_context(server_options(ssl_certfile=str(damaged), ssl_keyfile=str(certificate.keyfile)))


def test_key_with_a_password_is_refused_and_nobody_is_asked(certificate: Certificate, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    command = [
        "openssl",
        "pkey",
        "-in",
        str(certificate.keyfile),
        "-aes128",
        "-passout",
        "pass:secret",
        "-out",
        str(locked),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(BentoMLException, match="is encrypted; write it without a password"):
        tls_context(server_options(ssl_certfile=str(certificate.certfile), ssl_keyfile=str(locked)))


def test_certificate_and_key_may_stand_in_one_file(certificate: Certificate, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.certfile.read_bytes() + certificate.keyfile.read_bytes())
    context = tls_context(server_options(ssl_certfile=str(both)))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_without_certificate_there_is_no_tls() -> None:
    assert tls_context(server_options()) is None


def test_bad_certificate_ends_serve_before_anything_starts(everything_bundle: Path, tmp_path: Path) -> None:
    from tests.server.test_serve import run_serve

    done = run_serve(everything_bundle, tmp_path, "--port", "0", "--ssl-certfile", "gone.pem")
    assert done.returncode == 1
    assert "the certificate gone.pem cannot be read: No such file or directory" in done.stderr
    assert "Serving" not in done.stdout
