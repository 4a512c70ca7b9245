"""A registry that lies, and the store that it sends its clients to."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLException, BentoMLRpcError
from bentoml.types import Tag
from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from bentoml.yatai.tree_reading import read_tree
from tests.server.certificates import Certificate, make_certificate
from tests.storage.web_server import WebServer, web_server
from tests.yatai.server.bundles import write_bundle

SOON_S = 0.2


@pytest.fixture
def pretender() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


def opened(server: WebServer, home: Path, **settings: object) -> RemoteRegistry:
    chosen = RemoteSettings(cache_directory=home, retry_for_s=SOON_S, **settings)  # type: ignore[arg-type]
    return open_registry(server.url(""), chosen)


def pretend(server: WebServer, directory: Path, asked: str = "Iris/1") -> dict[str, str]:
    """Answer as a registry that has a bundle; gives the paths of the files by their names."""
    tree = read_tree(directory)
    name, _, version = directory.name.rpartition("-")
    bundle = {
        "name": name,
        "version": version,
        "uri": {"type": "LOCAL", "uri": "/there"},
        "metadata": {"name": name, "version": version},
        "labels": {},
        "status": {"status": "DONE"},
        "created_at": None,
        "tree_digest": tree.digest,
    }
    for path, body in ((asked, json.dumps(bundle).encode()), (f"{name}/{version}/tree", tree.document)):
        server.file(f"/api/v1/bundles/{path}", body)
    return {entry.path: f"/api/v1/bundles/{name}/{version}/files/{entry.path}" for entry in tree}


@pytest.mark.parametrize("location", ["https://[x", "http://[::1", "//", "file:///etc/passwd", "http://x:99999999/"])
def test_hold_when_the_address_of_a_file_is_none_says_so(pretender: WebServer, tmp_path: Path, location: str) -> None:
    for path in pretend(pretender, write_bundle(tmp_path)).values():
        pretender.redirect(path, location, 307)
    with closing(opened(pretender, tmp_path / "home")) as registry:
        bento = registry.find(Tag("Iris", "1"))
        with pytest.raises(BentoMLRpcError, match=r"see whether the address is right|cannot be asked"):
            registry.hold(bento)


def test_hold_when_the_store_cannot_be_reached_names_the_store(pretender: WebServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for path in pretend(pretender, write_bundle(tmp_path)).values():
        pretender.redirect(path, f"http://127.0.0.1:{port}/bucket/x?X-Amz-Signature=secret", 307)
    with closing(opened(pretender, tmp_path / "home")) as registry:
        bento = registry.find(Tag("Iris", "1"))
        with pytest.raises(BentoMLException, match=rf"The store at 127\.0\.0\.1:{port} of the registry") as raised:
            registry.hold(bento)
    assert "yatai-service-start" not in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Certificate, Certificate]:
    """Of the registry, and of the store; neither has signed the other."""
    return make_certificate(tmp_path, "registry"), make_certificate(tmp_path, "store")


def test_hold_when_the_registry_has_an_authority_of_its_own_trusts_the_system_for_the_store(
    certificates: tuple[Certificate, Certificate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry of a company has a certificate of the company, and a bucket of a cloud has one of the web."""
    own, public = certificates
    monkeypatch.setenv("SSL_CERT_FILE", str(public.certfile))
    source = write_bundle(tmp_path)
    with (
        web_server(own.certfile, own.keyfile) as registry_server,
        web_server(public.certfile, public.keyfile) as store,
        closing(opened(registry_server, tmp_path / "home", ca_file=own.certfile)) as registry,
    ):
        for name, path in pretend(registry_server, source).items():
            store.file(f"/bucket/{name}", (source / name).read_bytes())
            registry_server.redirect(path, store.url(f"/bucket/{name}"), 307)
        held = registry.hold(registry.find(Tag("Iris", "1")))
        assert read_tree(held.path, verify=True) == read_tree(source)
        held.release()


def test_find_when_the_proxy_is_of_a_kind_that_is_not_spoken_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(BentoMLException, match="HTTPS_PROXY"):
        open_registry("https://registry.example", RemoteSettings(cache_directory=tmp_path))


def test_find_when_the_proxy_wants_a_login_sends_it_as_it_is_meant(
    pretender: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an address a password is quoted: `p%40ss` means `p@ss`."""
    monkeypatch.setenv("http_proxy", pretender.url("").replace("//", "//ann:p%40ss@"))
    with (
        closing(open_registry("http://registry.example", RemoteSettings(cache_directory=tmp_path))) as registry,
        pytest.raises(BentoMLException),
    ):
        registry.find(Tag("Iris", "1"))
    assert pretender.requests[0].target == "http://registry.example/api/v1/bundles/Iris/1"
    assert pretender.requests[0].headers["proxy-authorization"] == "Basic YW5uOnBAc3M="
