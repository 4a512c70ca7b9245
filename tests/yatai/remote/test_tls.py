"""Who the registry is, and who the client is, by certificates."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import BentoMLConfigException, BentoMLRpcError
from bentoml.saved_bundle import load_bento_service_metadata
from bentoml.types import Tag
from bentoml.yatai.registry import BentoQuery
from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from bentoml.yatai.remote.failures import TransientError
from bentoml.yatai.tree_reading import read_tree
from tests.yatai.remote.hostile_server import HostileServer, document, hostile_server
from tests.yatai.server.bundles import write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry

NO_BUNDLES = document({"bundles": []})


@dataclass(frozen=True)
class Signed:
    """A certificate that an authority has signed."""

    cert: Path
    key: Path


class Authority:
    """An authority of the tests' own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.cert = directory / "ca.pem"
        self._key = directory / "ca.key"
        _openssl("req", "-x509", "-keyout", self._key, "-out", self.cert, "-subj", "/CN=Test authority", "-days", "2")

    def sign(self, name: str, names: str = "DNS:localhost,IP:127.0.0.1") -> Signed:
        made = Signed(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        by: list[str | Path] = ["-CA", self.cert, "-CAkey", self._key, "-addext", f"subjectAltName={names}"]
        _openssl("req", "-x509", *by, "-keyout", made.key, "-out", made.cert, "-subj", f"/CN={name}", "-days", "2")
        return made


def _openssl(*arguments: str | Path) -> None:
    command = ["openssl", *map(str, arguments), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Signed:
    return authority.sign("server")


def opened(server: HostileServer, home: Path, **settings: Any) -> RemoteRegistry:
    return open_registry(server.url, RemoteSettings(cache_directory=home, retry_for_s=0.3, **settings))


def context_of(certificate: Signed, *, wants: Authority | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    if wants is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants.cert)
    return context


def test_bundle_goes_to_a_registry_with_tls_and_back(
    authority: Authority, certificate: Signed, tmp_path: Path, client_home: Path
) -> None:
    options = ("--ssl-certfile", str(certificate.cert), "--ssl-keyfile", str(certificate.key))
    source = write_bundle(tmp_path, model=b"m" * 300_000)
    with live_registry(tmp_path / "server", *options) as server:
        assert server.url.startswith("https://")
        registry = open_registry(server.url, RemoteSettings(ca_file=authority.cert, cache_directory=client_home))
        registry.register(source, load_bento_service_metadata(source))
        with registry.reading(registry.find(Tag("Iris", "1"))) as directory:
            assert read_tree(directory) == read_tree(source)


def test_registry_of_an_unknown_authority_is_not_spoken_to(certificate: Signed, client_home: Path) -> None:
    with hostile_server(NO_BUNDLES, context=context_of(certificate)) as server:
        with pytest.raises(BentoMLRpcError, match=r"could not show who it is.*root_ca_cert") as raised:
            opened(server, client_home, access_token="bnt_secret").list_bentos(BentoQuery())
        assert server.heads == []
    assert not isinstance(raised.value, TransientError)


def test_registry_with_the_certificate_of_another_name_is_not_spoken_to(
    authority: Authority, client_home: Path
) -> None:
    other = context_of(authority.sign("other", "DNS:registry.example"))
    with hostile_server(NO_BUNDLES, context=other) as server:
        with pytest.raises(BentoMLRpcError, match=r"could not show who it is: .*not valid for '127\.0\.0\.1'"):
            opened(server, client_home, ca_file=authority.cert).list_bentos(BentoQuery())
        assert server.heads == []


def test_registry_without_tls_says_so(server: LiveRegistry, client_home: Path) -> None:
    registry = open_registry(f"https://127.0.0.1:{server.port}", RemoteSettings(cache_directory=client_home))
    with pytest.raises(BentoMLRpcError, match=r"does not speak TLS.*http://"):
        registry.find(Tag("Iris", "1"))


def test_registry_that_wants_a_certificate_is_shown_it(
    authority: Authority, certificate: Signed, client_home: Path
) -> None:
    own = authority.sign("client")
    shown = {"client_certificate": own.cert, "client_key": own.key, "ca_file": authority.cert}
    with hostile_server(NO_BUNDLES, context=context_of(certificate, wants=authority)) as server:
        assert opened(server, client_home, **shown).list_bentos(BentoQuery()) == []
        with pytest.raises(BentoMLRpcError):
            opened(server, client_home, ca_file=authority.cert).list_bentos(BentoQuery())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"ca_file": "none.pem"}, r"none\.pem cannot be used.*root_ca_cert is a PEM file"),
        ({"client_certificate": "none.pem"}, r"none\.pem cannot be shown to the registry.*client_cert"),
        ({"client_key": "none.pem"}, "client_key is of no use without client_cert"),
    ],
)
def test_open_when_a_certificate_cannot_be_used_says_which(settings: dict[str, str], text: str) -> None:
    paths: Any = {name: Path(path) for name, path in settings.items()}
    with pytest.raises(BentoMLConfigException, match=text):
        open_registry("https://registry.example", RemoteSettings(**paths))
