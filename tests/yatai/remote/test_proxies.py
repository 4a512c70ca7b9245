"""Proxies that the environment names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLRpcError
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from tests.yatai.remote.hostile_server import answer, document, hostile_server

NO_BUNDLES = document({"bundles": []})


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def opened(url: str, home: Path) -> RemoteRegistry:
    return open_registry(url, RemoteSettings(cache_directory=home, retry_for_s=0.3, access_token="bnt_secret"))


def test_registry_is_asked_through_the_proxy_with_its_login(client_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hostile_server(NO_BUNDLES) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://ada:secret@127.0.0.1:{proxy.port}")
        assert opened("http://registry.example:3000", client_home).list_bentos(BentoQuery()) == []
    head = proxy.heads[0].lower()
    assert head.startswith("get http://registry.example:3000/api/v1/bundles?")
    assert "proxy-authorization: basic ywrhonnly3jlda==" in head


def test_registry_with_tls_is_reached_by_a_tunnel_without_the_token(
    client_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hostile_server(answer(403)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        with pytest.raises(BentoMLRpcError, match=r"way to the registry at https://registry\.example fails.*NO_PROXY"):
            opened("https://registry.example", client_home).list_bentos(BentoQuery())
    assert proxy.heads[0].startswith("CONNECT registry.example:443 HTTP/1.")
    assert "bnt_secret" not in proxy.heads[0]


@pytest.mark.parametrize("no_proxy", ["", "127.0.0.1"])
def test_registry_of_this_machine_or_that_is_left_out_is_asked_itself(
    client_home: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    with hostile_server(NO_BUNDLES) as server, hostile_server(answer(500)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        assert opened(server.url, client_home).list_bentos(BentoQuery()) == []
        assert proxy.heads == []
