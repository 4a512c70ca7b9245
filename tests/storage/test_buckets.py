"""Objects in buckets, with servers that speak the protocols of the stores."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from bentoml.exceptions import (
    BentoMLConfigException,
    BentoMLException,
    InvalidArgument,
    NotFound,
    Unauthenticated,
)
from bentoml.storage import buckets, object_store
from bentoml.storage.address import parse_address
from bentoml.storage.base import ObjectStore
from bentoml.storage.buckets import open_bucket
from bentoml.storage.stores import download, open_store, write_object
from tests.storage.emulators import (
    AZURE_KEY,
    Emulator,
    azurite,
    running_azure,
    running_gcs,
    running_s3,
    shared_access_signature,
)
from tests.storage.web_server import web_server

pytestmark = [pytest.mark.environment("storage"), pytest.mark.timeout(180)]

SERVERS = {"s3": running_s3, "gs": running_gcs, "azure": running_azure}
NO_AZURITE = "there is no Azurite; with npm: npm install --prefix .venv-environments/npm azurite"


AZURE = pytest.param(
    "azure",
    marks=[pytest.mark.may_skip("Azurite needs Node"), pytest.mark.skipif(azurite() is None, reason=NO_AZURITE)],
)


@pytest.fixture(scope="module", params=["s3", "gs", AZURE])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as emulator:
        yield emulator


def use(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_")):
            monkeypatch.delenv(name)
    for name, value in emulator.variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def emulator(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    use(running, monkeypatch)
    return running


@pytest.fixture
def store(emulator: Emulator) -> ObjectStore:
    return open_bucket(parse_address(emulator.url("")))


def read(emulator: Emulator, name: str) -> bytes:
    address = parse_address(emulator.url(name))
    with open_store(address).open(address.name) as stream:
        pieces = list(stream.chunks)
    assert stream.size_bytes == sum(len(piece) for piece in pieces)
    return b"".join(pieces)


def write(emulator: Emulator, name: str, content: bytes) -> None:
    write_object(parse_address(emulator.url(name)), io.BytesIO(content), len(content))


@pytest.mark.parametrize("size_bytes", [0, 1, 1000, (16 << 20) - 1, 16 << 20, (16 << 20) + 1, 40_000_000])
def test_objects_of_any_size_come_back(emulator: Emulator, size_bytes: int) -> None:
    content = os.urandom(size_bytes)
    write(emulator, "sizes/x.bin", content)
    assert read(emulator, "sizes/x.bin") == content


NAMES = ["a", "deep/er/x.tar.gz", "with space+plus&and=.tar", "caf\u00e9/\u4f8b", "a?b#c", "100%", "%2e%2e"]


@pytest.mark.parametrize("name", NAMES)
def test_objects_of_any_name_come_back(emulator: Emulator, store: ObjectStore, name: str) -> None:
    write(emulator, f"names/{name}", name.encode())
    assert read(emulator, f"names/{name}") == name.encode()
    assert f"names/{name}" in list(store.names("names"))


def test_exists_and_names(emulator: Emulator, store: ObjectStore) -> None:
    write(emulator, "listed/a", b"1")
    write(emulator, "listed/b/c", b"2")
    write(emulator, "listed2", b"3")
    assert store.exists("listed/a")
    assert not store.exists("listed")
    assert not store.exists("listed/nothing")
    assert sorted(store.names("listed")) == ["listed/a", "listed/b/c"]
    assert {"listed/a", "listed2"} <= set(store.names())
    assert list(store.names("nothing")) == []


def test_write_replaces_what_is_there(emulator: Emulator) -> None:
    write(emulator, "twice", b"1" * 100)
    write(emulator, "twice", b"2")
    assert read(emulator, "twice") == b"2"


@pytest.mark.parametrize("size_bytes", [1, 20 << 20])
def test_write_keeps_what_is_there_when_it_is_not_to_replace_it(emulator: Emulator, size_bytes: int) -> None:
    address = parse_address(emulator.url(f"once-{size_bytes}"))
    write_object(address, io.BytesIO(bytes(size_bytes)), size_bytes, replace=False)
    with pytest.raises(BentoMLException, match="there is something already, and nothing was written"):
        write_object(address, io.BytesIO(b"2"), 1, replace=False)
    assert read(emulator, f"once-{size_bytes}") == bytes(size_bytes)


def test_what_is_not_there_is_not_found(emulator: Emulator) -> None:
    with pytest.raises(NotFound, match=f"{emulator.scheme}://models/nothing: there is no such object"):
        read(emulator, "nothing")
    nowhere = parse_address(f"{emulator.scheme}://no-such-bucket/x")
    with pytest.raises(NotFound, match="no such bucket"):
        write_object(nowhere, io.BytesIO(b"1"), 1)


class Broken(io.BytesIO):
    """A file that cannot be read to its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 20 << 20:
            raise OSError("the disk is broken")
        return super().read(size)


@pytest.mark.parametrize("source", [Broken(bytes(48 << 20)), io.BytesIO(bytes(20 << 20))], ids=["broken", "short"])
def test_upload_that_fails_leaves_no_object_and_no_parts(
    emulator: Emulator, store: ObjectStore, source: io.BytesIO
) -> None:
    source.seek(0)
    with pytest.raises((OSError, BentoMLException), match=r"disk is broken|bytes to write"):
        store.write("half.tar", source, 48 << 20)
    assert not store.exists("half.tar")
    if emulator.scheme == "s3":
        with urllib.request.urlopen(f"{emulator.endpoint}/models?uploads", timeout=20) as answer:
            assert b"<Upload>" not in answer.read()


def test_upload_that_fails_leaves_the_object_that_was_there(emulator: Emulator, store: ObjectStore) -> None:
    write(emulator, "kept", b"old")
    with pytest.raises(BentoMLException, match="bytes to write"):
        store.write("kept", io.BytesIO(bytes(20 << 20)), 48 << 20)
    assert read(emulator, "kept") == b"old"


def test_object_that_is_replaced_while_it_is_read_is_an_error(emulator: Emulator, store: ObjectStore) -> None:
    write(emulator, "moving", b"1" * (17 << 20))
    with store.open("moving") as stream:
        assert len(next(stream.chunks)) == 16 << 20
        write(emulator, "moving", b"2" * 3000)
        with pytest.raises(BentoMLException, match="was replaced while it was read"):
            next(stream.chunks)


def test_download_keeps_its_limit(emulator: Emulator, tmp_path: Path) -> None:
    write(emulator, "large", bytes(2000))
    address = parse_address(emulator.url("large"))
    download(address, tmp_path / "whole", 2000)
    assert (tmp_path / "whole").stat().st_size == 2000
    with pytest.raises(BentoMLException, match="is larger than 1999 bytes"):
        download(address, tmp_path / "cut", 1999)


def test_whole_bucket_is_no_object(emulator: Emulator, store: ObjectStore) -> None:
    with pytest.raises(InvalidArgument, match="is a whole bucket"):
        store.write("", io.BytesIO(b"1"), 1)
    with pytest.raises(InvalidArgument, match="is a whole bucket"):
        read(emulator, "")


CONFIGURED = {
    "s3": (
        {"S3__ENDPOINT_URL": "{endpoint}", "S3__REGION": "eu-central-1"},
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    ),
    "gs": ({"GCS__ENDPOINT_URL": "{endpoint}"}, ["GOOGLE_BEARER_TOKEN"]),
    "azure": ({"AZURE__ENDPOINT_URL": "{endpoint}", "AZURE__ACCOUNT": "devstoreaccount1"}, []),
}


def test_configuration_names_the_endpoint(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    write(emulator, "configured", b"1")
    keys, kept = CONFIGURED[emulator.scheme]
    for name in emulator.variables:
        if name not in kept:
            monkeypatch.delenv(name)
    if emulator.scheme == "azure":
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)
    else:
        # The configuration comes before it.
        variable = {"s3": "AWS_ENDPOINT_URL_S3", "gs": "GOOGLE_BASE_URL"}[emulator.scheme]
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for name, value in keys.items():
        monkeypatch.setenv(f"BENTOML__STORAGE__{name}", value.format(endpoint=emulator.endpoint))
    assert read(emulator, "configured") == b"1"


def test_store_that_nobody_answers_for_is_an_error_in_time(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    use(running, monkeypatch)
    for name, value in running.variables.items():
        monkeypatch.setenv(name, value.replace(running.endpoint, "http://127.0.0.1:9"))
    began = time.monotonic()
    with pytest.raises(BentoMLException, match=f"{running.scheme}://models/x: .*: Connection refused"):
        read(running, "x")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"AZURE_STORAGE_CONNECTION_STRING": "nonsense"}, "azure://models/x"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "AccountName=a;AccountKey=not base64"}, "azure://models/x"),
        ({"GOOGLE_SERVICE_ACCOUNT_KEY": "nonsense"}, "gs://models/x"),
    ],
)
def test_configuration_that_is_no_use_is_said(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BentoMLConfigException, match="cannot be used as it is configured") as caught:
        open_store(parse_address(url))
    assert "not base64" not in str(caught.value)


@pytest.fixture
def error_with_signature() -> Any:
    from obstore.exceptions import GenericError

    return GenericError(
        "Error performing GET http://host/x?sig=secret&se=1 in 1ms - 500: <html>\n\nDebug source: secret"
    )


def test_texts_of_the_library_are_shown_without_signatures(error_with_signature: Any) -> None:
    text = object_store._first_words(error_with_signature)
    assert text == "Error performing GET http://host/x?... in 1ms - 500: <html>"


def test_authority_of_the_configuration_holds_for_buckets(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(buckets, "_RETRIES", {"max_retries": 0})
    with running_s3(tmp_path_factory.mktemp("tls"), tls=True) as emulator:
        use(emulator, monkeypatch)
        with pytest.raises(BentoMLException, match=r"s3://models/x: .*certificate.*storage\.http\.ca_file"):
            write(emulator, "x", b"1")
        monkeypatch.setenv("BENTOML__STORAGE__HTTP__CA_FILE", str(emulator.certificate))
        write(emulator, "x", b"1")
        assert read(emulator, "x") == b"1"
        (tmp_path / "nonsense.pem").write_text("nonsense")
        for name, text in (("nonsense.pem", "holds no certificates in PEM"), ("gone.pem", "gone.pem cannot be read")):
            monkeypatch.setenv("BENTOML__STORAGE__HTTP__CA_FILE", str(tmp_path / name))
            with pytest.raises(BentoMLConfigException, match=text):
                read(emulator, "x")


def test_keys_of_a_profile_open_a_bucket(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_s3(tmp_path_factory.mktemp("keys"), checks_keys=True) as emulator:
        use(emulator, monkeypatch)
        key, secret = (emulator.variables[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "credentials").write_text(
            "[default]\naws_access_key_id=unknown\naws_secret_access_key=x\n"
            f"[team]\naws_access_key_id={key}\naws_secret_access_key={secret}\nregion=us-east-1\n"
        )
        with pytest.raises(Unauthenticated, match="access is refused"):
            write(emulator, "x", b"1")
        monkeypatch.setenv("AWS_PROFILE", "team")
        write(emulator, "x", b"1")
        assert read(emulator, "x") == b"1"


@pytest.mark.parametrize("running", [AZURE], indirect=True)
def test_token_of_azure_opens_a_container(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    use(running, monkeypatch)
    token = shared_access_signature(datetime.now(timezone.utc))
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", running.endpoint)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", token)
    write(running, "token", b"1")
    assert read(running, "token") == b"1"
    monkeypatch.delenv("AZURE_STORAGE_SAS_TOKEN")
    text = f"AccountName=devstoreaccount1;BlobEndpoint={running.endpoint};SharedAccessSignature={token}"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    assert read(running, "token") == b"1"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text.replace("sp=rwdlac", "sp=rwdlacx"))
    with pytest.raises(Unauthenticated, match="access is refused") as caught:
        read(running, "token")
    assert "sig=" not in str(caught.value)


def test_proxy_of_the_environment_is_asked(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server() as proxy:
        monkeypatch.setattr(buckets, "_RETRIES", {"max_retries": 0})
        monkeypatch.setenv("HTTP_PROXY", proxy.url("", host="127.0.0.1"))
        monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(NotFound):
            read(emulator, "proxied")
        assert proxy.requests[0].target == f"{emulator.endpoint}/models/proxied"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        write(emulator, "past-a-proxy", b"1")
        assert read(emulator, "past-a-proxy") == b"1"


PIECE = 16 << 20


@pytest.mark.parametrize(
    ("start", "size"), [(0, 0), (0, 5), (7, 1), (PIECE - 1, 2), (PIECE, PIECE), (3, PIECE + 900), (2 * PIECE + 990, 10)]
)
def test_parts_of_objects_are_read(emulator: Emulator, store: ObjectStore, start: int, size: int) -> None:
    content = bytes(range(250)) * ((2 * PIECE + 1000) // 250)
    content += b"z" * (2 * PIECE + 1000 - len(content))
    if not store.exists("ranged"):
        write(emulator, "ranged", content)
    with store.open_range("ranged", start, size) as stream:
        assert b"".join(stream.chunks) == content[start : start + size]
    assert stream.size_bytes == size


@pytest.mark.parametrize(("start", "size"), [(0, 4), (4, 0), (-1, 1), (2, -1)])
def test_parts_that_are_not_there_are_refused(emulator: Emulator, store: ObjectStore, start: int, size: int) -> None:
    write(emulator, "short", b"abc")
    with pytest.raises(InvalidArgument, match="has 3 bytes, and not those"), store.open_range("short", start, size):
        pass
    with pytest.raises(NotFound), store.open_range("nothing", 0, 0):
        pass


def test_entries_say_what_the_store_knows(emulator: Emulator, store: ObjectStore) -> None:
    write(emulator, "known/a", b"12345")
    write(emulator, "known/b/c", b"")
    found = {entry.name: entry for entry in store.entries("known")}
    assert {name: entry.size_bytes for name, entry in found.items()} == {"known/a": 5, "known/b/c": 0}
    assert store.find("known/a") == found["known/a"]
    assert store.find("known") is None
    assert abs(found["known/a"].modified_at.timestamp() - time.time()) < 600


def test_delete_removes_an_object_once_or_twice(emulator: Emulator, store: ObjectStore) -> None:
    write(emulator, "gone/a", b"1")
    write(emulator, "gone/ab", b"2")
    store.delete("gone/a")
    store.delete("gone/a")
    assert list(store.names("gone")) == ["gone/ab"]
    with pytest.raises(InvalidArgument, match="is a whole bucket"):
        store.delete("")


def test_signed_address_reads_without_credentials(emulator: Emulator, store: ObjectStore) -> None:
    for name in ("signed/a b", "signed/a"):
        write(emulator, name, b"content")
    url = store.signed_url("signed/a b", 60)
    if emulator.scheme == "azure":
        assert url is None, "the library signs the quoted name"
        url = store.signed_url("signed/a", 60)
    if emulator.scheme == "gs":
        assert url is None, "a bearer token cannot sign"
        return
    assert url is not None
    assert url.startswith(emulator.endpoint)
    request = urllib.request.Request(url, headers={"Range": "bytes=2-4"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.read() == b"nte"


def test_key_of_a_service_account_signs_addresses_of_google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the rules of https://cloud.google.com/storage/docs/authentication/signatures, without asking anybody."""
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    made = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(private)]
    subprocess.run(made, check=True, capture_output=True)
    derived = ["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)]
    subprocess.run(derived, check=True, capture_output=True)
    account = {
        "type": "service_account",
        "private_key_id": "1",
        "private_key": private.read_text(),
        "client_email": "registry@project.iam.gserviceaccount.com",
        "client_id": "1",
    }
    for name in [name for name in os.environ if name.startswith("GOOGLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account))
    url = open_bucket(parse_address("gs://models")).signed_url("team/blobs/aa/x y", 90)
    assert url is not None
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    signature = bytes.fromhex(query.pop("X-Goog-Signature"))
    assert query["X-Goog-Expires"] == "90"
    asked = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
    request = f"GET\n{parts.path}\n{asked}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    scope = query["X-Goog-Credential"].partition("/")[2]
    digest = hashlib.sha256(request.encode()).hexdigest()
    (tmp_path / "text").write_text(f"GOOG4-RSA-SHA256\n{query['X-Goog-Date']}\n{scope}\n{digest}")
    (tmp_path / "signature").write_bytes(signature)
    paths = [str(public), "-signature", str(tmp_path / "signature"), str(tmp_path / "text")]
    verified = subprocess.run(["openssl", "dgst", "-sha256", "-verify", *paths], check=False, capture_output=True)
    assert verified.stdout == b"Verified OK\n"
    monkeypatch.setenv("BENTOML__STORAGE__GCS__ENDPOINT_URL", "https://storage.example")
    elsewhere = open_bucket(parse_address("gs://models")).signed_url("x", 90)
    assert elsewhere is None, "the library would sign for the host of Google"
