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
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
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
        certificate: of its authority, where it speaks TLS.
    """

    endpoint: str
    scheme: str
    variables: Mapping[str, str]
    certificate: Path | None = None

    def url(self, name: str) -> str:
        return f"{self.scheme}://{BUCKET}/{name}"


def azurite() -> str | None:
    """The program, where it is installed."""
    return str(AZURITE) if AZURITE.exists() else shutil.which("azurite-blob")


@contextmanager
def _running(argv: list[str], port: int, log: Path, environ: Mapping[str, str] | None = None) -> Iterator[None]:
    env = {**os.environ, **(environ or {})}
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, env=env) as process:
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


def _put(url: str, headers: Mapping[str, str], authority: Path | None = None) -> None:
    request = urllib.request.Request(url, method="PUT", headers={**headers, "Content-Length": "0"})
    context = ssl.create_default_context(cafile=authority) if authority is not None else None
    with urllib.request.urlopen(request, timeout=20, context=context) as answer:
        assert answer.status in {200, 201}


@contextmanager
def running_s3(directory: Path, *, tls: bool = False, checks_keys: bool = False) -> Iterator[Emulator]:
    """A server for S3.

    Args:
        directory: for its log.
        tls: speak TLS, with a certificate of an authority that nobody knows.
        checks_keys: let in the one user who is made at the start, whose signatures are checked, and nobody else.
    """
    port = _free_port()
    code = "from moto.server import main; import sys; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-W", "ignore", "-c", code, "-H", "127.0.0.1", "-p", str(port)]
    certificate = None
    if tls:
        certificate, chain, key = make_authority(directory)
        argv += ["-s", "-c", str(chain), "-k", str(key)]
    # Of a server that checks keys, the requests that are made here are the only ones without.
    environ = {"INITIAL_NO_AUTH_ACTION_COUNT": "4"} if checks_keys else {}
    with _running(argv, port, directory / "moto.log", environ):
        endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        _put(f"{endpoint}/{BUCKET}", {}, certificate)
        access_key, secret_key = _make_user(endpoint) if checks_keys else ("key", "secret")
        variables = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        yield Emulator(endpoint, "s3", variables, certificate)


def make_authority(directory: Path) -> tuple[Path, Path, Path]:
    """An authority, and a server that it vouches for: certificate of the first; certificate and key of the other."""
    ca, ca_key, chain, key = (directory / name for name in ("ca.pem", "ca.key", "server.pem", "server.key"))
    curve = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-x509", "-days", "2"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    signed = ["-CA", str(ca), "-CAkey", str(ca_key), *names]
    for words in (
        [*curve, "-subj", "/CN=authority", "-keyout", str(ca_key), "-out", str(ca)],
        [*curve, "-subj", "/CN=server", "-keyout", str(key), "-out", str(chain), *signed],
    ):
        subprocess.run(["openssl", "req", *words], capture_output=True, check=True)
    return ca, chain, key


def _make_user(endpoint: str) -> tuple[str, str]:
    """Key and secret of a new user who may do everything in S3."""
    allowed = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    service = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x"

    def ask(action: str, **arguments: str) -> str:
        form = {"Version": "2010-05-08", "Action": action, "UserName": "maker", **arguments}
        body = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(endpoint, data=body, headers={"Authorization": service})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    ask("CreateUser")
    text = ask("CreateAccessKey")
    ask("PutUserPolicy", PolicyName="all", PolicyDocument=allowed)
    found = [re.search(rf"<{name}>(.*?)<", text) for name in ("AccessKeyId", "SecretAccessKey")]
    access_key, secret_key = (match[1] for match in found if match is not None)
    return access_key, secret_key


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


def shared_access_signature(now: datetime) -> str:
    """A token for everything in the account, as `az storage account generate-sas` makes it.

    https://learn.microsoft.com/rest/api/storageservices/create-account-sas

    Args:
        now: with a zone; the token is good for an hour after it.
    """
    until = (now + timedelta(hours=1)).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    version, permissions, services, kinds, protocols = "2021-08-06", "rwdlac", "b", "sco", "https,http"
    signed = [AZURE_ACCOUNT, permissions, services, kinds, "", until, "", protocols, version, "", ""]
    digest = hmac.new(base64.b64decode(AZURE_KEY), "\n".join(signed).encode(), hashlib.sha256).digest()
    return urllib.parse.urlencode(
        {
            "sv": version, "ss": services, "srt": kinds, "sp": permissions, "se": until, "spr": protocols,
            "sig": base64.b64encode(digest).decode(),
        }
    )  # fmt: skip
