"""Servers on this machine that speak the protocols of object stores.

- S3: moto's server.
- Google Cloud Storage: moto's server, too. The library uses the XML API, which is that of S3 with other credentials;
  the emulators of Google Cloud Storage that PyPI has speak the JSON API alone.
- Azure: Azurite, which Microsoft makes, a program for Node. `scripts/test` installs it with npm where it can.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

BUCKET = "models"
AZURITE = Path(__file__).resolve().parents[2] / ".venv-environments" / "npm" / "node_modules" / ".bin" / "azurite-blob"
AZURE_ACCOUNT = "devstoreaccount1"
# The published key of the emulator.
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
START_S = 60.0


@dataclass(frozen=True)
class Emulator:
    """A running server with an empty bucket `models`.

    Attributes:
        endpoint: its address.
        scheme: of addresses in it.
        variables: what an operator sets to use it.
    """

    endpoint: str
    scheme: str
    variables: Mapping[str, str]

    def url(self, name: str) -> str:
        return f"{self.scheme}://{BUCKET}/{name}"


def azurite() -> str | None:
    """The program, where it is installed."""
    return str(AZURITE) if AZURITE.exists() else shutil.which("azurite-blob")


@contextmanager
def _running(argv: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            deadline = time.monotonic() + START_S
            while not _listens(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _put(url: str, headers: Mapping[str, str]) -> None:
    request = urllib.request.Request(url, method="PUT", headers={**headers, "Content-Length": "0"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status in {200, 201}


@contextmanager
def running_s3(directory: Path) -> Iterator[Emulator]:
    """A server for S3."""
    port = _free_port()
    code = "from moto.server import main; import sys; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-W", "ignore", "-c", code, "-H", "127.0.0.1", "-p", str(port)]
    with _running(argv, port, directory / "moto.log"):
        endpoint = f"http://127.0.0.1:{port}"
        _put(f"{endpoint}/{BUCKET}", {})
        variables = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        yield Emulator(endpoint, "s3", variables)


@contextmanager
def running_gcs(directory: Path) -> Iterator[Emulator]:
    """A server for the XML API of Google Cloud Storage."""
    with running_s3(directory) as server:
        variables = {"GOOGLE_BASE_URL": server.endpoint, "GOOGLE_BEARER_TOKEN": "token"}
        yield Emulator(server.endpoint, "gs", variables)


@contextmanager
def running_azure(directory: Path) -> Iterator[Emulator]:
    """A server for Azure Blob Storage."""
    port, program = _free_port(), azurite()
    assert program is not None
    options = ["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    argv = [program, *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with _running(argv, port, directory / "azurite.log"):
        endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        _make_container(endpoint)
        connection = f"AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint={endpoint};"
        yield Emulator(endpoint, "azure", {"AZURE_STORAGE_CONNECTION_STRING": connection})


def _make_container(endpoint: str) -> None:
    """Signed with the shared key: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    signed = "PUT" + "\n" * 12 + "".join(f"{name}:{value}\n" for name, value in headers.items())
    signed += f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{BUCKET}\nrestype:container"
    digest = hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()
    authorization = f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}"
    _put(f"{endpoint}/{BUCKET}?restype=container", {**headers, "Authorization": authorization})
