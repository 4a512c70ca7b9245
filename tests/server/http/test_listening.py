"""Where a server listens, and what it says about addresses that it cannot have."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from bentoml._http.listening import MAX_SOCKET_PATH_BYTES
from bentoml.exceptions import BentoMLException
from bentoml.server.http.listening import bind_public
from tests.server.live import live_server
from tests.server.server_options import server_options


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
may_skip = pytest.mark.may_skip(reason="containers often have no IPv6")


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("0.0.0.0", "http://127.0.0.1:"),
        ("127.0.0.1", "http://127.0.0.1:"),
        ("localhost", "http://localhost:"),
        pytest.param("::1", "http://[::1]:", marks=[needs_ipv6, may_skip]),
        pytest.param("[::1]", "http://[::1]:", marks=[needs_ipv6, may_skip]),
        pytest.param("::", "http://[::1]:", marks=[needs_ipv6, may_skip]),
    ],
)
def test_address_is_printed_as_clients_use_it(host: str, prefix: str) -> None:
    with closing(bind_public(server_options(host=host, port=0))) as address:
        shown, _, port = address.url.rpartition(":")
        assert f"{shown}:" == prefix
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(10)
            client.connect((shown.removeprefix("http://").strip("[]"), int(port)))


@needs_ipv6
@may_skip
def test_double_colon_takes_ipv4_as_well() -> None:
    with closing(bind_public(server_options(host="::", port=0))) as address:
        port = address.listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        socket.create_connection(("::1", port), timeout=10).close()


def test_certificate_makes_the_url_https() -> None:
    with closing(bind_public(server_options(host="localhost", port=0, ssl_certfile="any.pem"))) as address:
        assert address.url.startswith("https://localhost:")


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        ("no-such-host.invalid", "name an address of this machine with --host"),
        ("a" * 300, "name an address of this machine with --host"),
        ("192.0.2.1", "name an address of this machine with --host"),
    ],
    ids=["unknown", "endless", "of-another-machine"],
)
def test_host_that_cannot_be_used_is_named(host: str, advice: str) -> None:
    with pytest.raises(BentoMLException, match=advice) as error:
        bind_public(server_options(host=host, port=0))
    assert f"cannot listen on {host}:0: " in str(error.value)


def test_port_in_use_is_named() -> None:
    with closing(bind_public(server_options(host="127.0.0.1", port=0))) as address:
        port = address.listener.getsockname()[1]
        with pytest.raises(BentoMLException, match=f"127.0.0.1:{port}: .*; choose another port with --port"):
            bind_public(server_options(host="127.0.0.1", port=port))


def test_unix_socket_is_open_to_all_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s"
    address = bind_public(server_options(uds=str(path)))
    assert address.url == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    address.close()
    assert not path.exists()


def test_unix_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with closing(bind_public(server_options(uds=str(path)))), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_unix_socket_of_a_living_server_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with closing(bind_public(server_options(uds=str(path)))):
        with pytest.raises(BentoMLException, match="another server listens on it; choose another path with --uds"):
            bind_public(server_options(uds=str(path)))
        assert path.exists()


def test_socket_file_that_another_server_has_replaced_stays_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s"
    address = bind_public(server_options(uds=str(path)))
    path.rename(tmp_path / "old")
    with closing(bind_public(server_options(uds=str(path)))):
        address.close()
        assert path.exists()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "s"
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BentoMLException, match="is no socket; choose another path with --uds"):
        bind_public(server_options(uds=str(path)))
    assert os.path.lexists(path)


def test_socket_path_that_is_too_long_is_refused_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 200)
    size = len(os.fsencode(path))
    with pytest.raises(BentoMLException, match=f"a path of {size} bytes is too long.*{MAX_SOCKET_PATH_BYTES}"):
        bind_public(server_options(uds=str(path)))


def test_socket_path_of_the_greatest_length_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(bind_public(server_options(uds="x" * MAX_SOCKET_PATH_BYTES))):
        assert (tmp_path / ("x" * MAX_SOCKET_PATH_BYTES)).exists()


def test_socket_in_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BentoMLException, match="No such file or directory; choose a path in a directory"):
        bind_public(server_options(uds=str(tmp_path / "none" / "s")))


def test_server_on_a_unix_socket_answers_in_both_lanes_and_removes_it(everything_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with live_server(everything_bundle, "--uds", str(path), home=tmp_path / "home") as server:
        assert server.url == f"unix:{path}"
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://any") as client:
            assert client.post("/total", json=[[1, 2]]).json() == [3]
            assert client.post("/%74otal", json=[[1, 2]]).json() == [3]
            assert client.get("/readyz").status_code == 200
        assert server.stop() == 0
        assert not path.exists()
        assert "Swagger UI" not in server.output()


@needs_ipv6
@may_skip
def test_server_on_ipv6_answers_in_both_lanes(everything_bundle: Path, tmp_path: Path) -> None:
    with live_server(everything_bundle, "--host", "::1", home=tmp_path) as server:
        assert server.url == f"http://[::1]:{server.port}"
        assert server.client.post("/total", json=[[1, 2]]).json() == [3]
        assert server.client.post("/%74otal", json=[[1, 2]]).json() == [3]
