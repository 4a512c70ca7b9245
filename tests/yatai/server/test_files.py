"""Files and archives over HTTP, and the operations of the classic service."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bentoml._util.archives import extract_tar, pack_tar
from bentoml.yatai.server.roles import Role
from bentoml.yatai.tree_reading import read_tree
from tests.yatai.server.bundles import digest_of, push, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token

MODEL = bytes(range(256)) * 40
FILE = "/api/v1/bundles/Iris/1/files/Iris/artifacts/model.pkl"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("home")) as running, running.client() as client:
        push(client, write_bundle(tmp_path_factory.mktemp("bundle"), model=MODEL))
        yield running


@pytest.fixture
def client(registry: LiveRegistry) -> Iterator[httpx.Client]:
    with registry.client() as made:
        yield made


def packed(directory: Path) -> bytes:
    stream = io.BytesIO()
    pack_tar(directory, "bundle", stream)
    return stream.getvalue()


def test_tree_names_every_file_and_is_known_by_its_digest(client: httpx.Client, tmp_path: Path) -> None:
    answer = client.get("/api/v1/bundles/Iris/1/tree")
    assert answer.content == read_tree(write_bundle(tmp_path, model=MODEL)).document
    known = client.get("/api/v1/bundles/Iris/1/tree", headers={"if-none-match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "status", "expected", "told"),
    [
        (None, 200, MODEL, None),
        ("bytes=0-9", 206, MODEL[:10], "bytes 0-9/10240"),
        ("bytes=10000-", 206, MODEL[10000:], "bytes 10000-10239/10240"),
        ("bytes=-5", 206, MODEL[-5:], "bytes 10235-10239/10240"),
        ("bytes=5-99999", 206, MODEL[5:], "bytes 5-10239/10240"),
        ("bytes=0-1,4-5", 200, MODEL, None),
        ("lines=1-2", 200, MODEL, None),
        ("bytes=10240-", 416, None, "bytes */10240"),
        ("bytes=9-3", 416, None, "bytes */10240"),
    ],
)
def test_file_is_given_whole_or_in_part(
    client: httpx.Client, asked: str | None, status: int, expected: bytes | None, told: str | None
) -> None:
    answer = client.get(FILE, headers={} if asked is None else {"range": asked})
    assert answer.status_code == status
    assert expected is None or answer.content == expected
    assert answer.headers.get("content-range") == told
    if status != 416:
        assert answer.headers["etag"] == f'"{digest_of(MODEL)}"'


def test_file_is_not_sent_again_to_who_has_it(client: httpx.Client) -> None:
    etag = f'"{digest_of(MODEL)}"'
    assert client.get(FILE, headers={"if-none-match": f'"x", {etag}'}).status_code == 304
    part = {"range": "bytes=1-1"}
    assert client.get(FILE, headers={**part, "if-range": etag}).status_code == 206
    assert client.get(FILE, headers={**part, "if-range": '"old"'}).status_code == 200
    head = client.head(FILE)
    assert (head.headers["content-length"], head.content) == ("10240", b"")


@pytest.mark.parametrize(
    "path", ["Iris", "no", "../../../storage.db", "..%2F..%2F..%2Fstorage.db", "/etc/passwd", "%00", "bentoml.yml/"]
)
def test_nothing_but_files_of_the_bundle_is_given(registry: LiveRegistry, client: httpx.Client, path: str) -> None:
    answer = client.get(httpx.URL(f"{registry.url}/api/v1/bundles/Iris/1/files/").join(httpx.URL("x")).copy_with(
        raw_path=f"/api/v1/bundles/Iris/1/files/{path}".encode()
    ))  # fmt: skip
    assert answer.status_code in {400, 404}, answer.text


@pytest.mark.parametrize(
    "path", ["/api/v1/bundles/Iris/1/archive", "/api/DownloadBento?bento_name=Iris&bento_version=latest"]
)
def test_archive_holds_the_bundle(client: httpx.Client, tmp_path: Path, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"] == "application/gzip"
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    extract_tar(io.BytesIO(answer.content), unpacked)
    assert read_tree(unpacked / "Iris-1") == read_tree(write_bundle(tmp_path, model=MODEL))


@pytest.mark.parametrize("part", ["archive", "files/run.sh"])
def test_bundle_whose_files_are_gone_is_an_error_and_not_half_an_answer(
    registry: LiveRegistry, client: httpx.Client, tmp_path: Path, part: str
) -> None:
    version = f"v{len(part)}"
    bundle = push(client, write_bundle(tmp_path, "Lost", version), f"Lost:{version}")
    shutil.rmtree(bundle["uri"]["uri"])
    answer = client.get(f"/api/v1/bundles/Lost/{version}/{part}")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    # Where things are on the machine is for its log.
    assert str(registry.home) not in answer.text


# -- classic ------------------------------------------------------------------------------------------------------


def test_classic_operations_answer_with_a_status(client: httpx.Client) -> None:
    ok = {"status_code": "OK", "error_message": ""}
    assert client.get("/api/HealthCheck").json() == {"status": ok}
    assert set(client.get("/api/GetYataiServiceVersion").json()) == {"status", "version"}
    got = client.get("/api/GetBento", params={"bento_name": "Iris", "bento_version": "latest"}).json()
    assert (got["status"], got["bento"]["version"]) == (ok, "1")
    assert got["bento"]["bentoServiceMetadata"]["apis"][0]["inputType"] == "JsonInput"
    found = client.get("/api/ListBento", params={"bento_name": "Iris", "limit": 1}).json()
    assert [bento["name"] for bento in found["bentos"]] == ["Iris"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/GetBento?bento_name=No&bento_version=1", 404, "NOT_FOUND"),
        ("GET", "/api/GetBento", 400, "INVALID_ARGUMENT"),
        ("GET", "/api/ListBento?label_selectors=a%20b%20c", 400, "INVALID_ARGUMENT"),
        ("POST", "/api/AddBento", 400, "INVALID_ARGUMENT"),
        ("GET", "/api/Nothing", 404, "NOT_FOUND"),
        ("GET", "/api/DeleteBento", 405, "UNIMPLEMENTED"),
    ],
)
def test_classic_errors_have_the_classic_form(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["status"]["status_code"] == code
    assert answer.json()["status"]["error_message"]


def test_classic_upload_takes_an_archive_and_delete_removes_the_bundle(client: httpx.Client, tmp_path: Path) -> None:
    archive = packed(write_bundle(tmp_path, "Packed", "7"))
    tag = {"bento_name": "Packed", "bento_version": "7"}
    taken = client.post("/api/UploadBento", params=tag, content=archive)
    assert taken.status_code == 200, taken.text
    assert taken.json()["uri"]["type"] == "LOCAL"
    again = client.post("/api/UploadBento", params=tag, content=archive)
    assert (again.status_code, again.json()["status"]["status_code"]) == (409, "ABORTED")
    assert client.post("/api/DeleteBento", json=tag).json()["status"]["status_code"] == "OK"
    assert client.post("/api/DangerouslyDeleteBento", json=tag).status_code == 404
    assert client.post("/api/UploadBento", params=tag, content=archive).status_code == 200


def evil_archive(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    return stream.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        b"no archive",
        b"",
        evil_archive("../evil"),
        evil_archive("/evil"),
        evil_archive("evil", tarfile.SYMTYPE),
        evil_archive("evil", tarfile.CHRTYPE),
        evil_archive("no-manifest"),
    ],
    ids=["text", "empty", "outside", "absolute", "link", "device", "no-bundle"],
)
def test_classic_upload_refuses_archives_that_could_do_harm(
    registry: LiveRegistry, client: httpx.Client, archive: bytes
) -> None:
    answer = client.post("/api/UploadBento", params={"bento_name": "Evil", "bento_version": "1"}, content=archive)
    assert (answer.status_code, answer.json()["status"]["status_code"]) == (400, "INVALID_ARGUMENT"), answer.text
    assert client.get("/api/v1/bundles/Evil/1").status_code == 404
    assert not list(registry.home.rglob("evil"))


def test_lists_show_only_names_that_match_the_patterns(tmp_path: Path) -> None:
    with live_registry(tmp_path / "home", "--auth") as running:
        with running.client(make_token(running.home, "root", Role.ADMIN)) as client:
            for name in ("Fraud_v1", "fraud_v1", "Fraud", "Iris"):
                push(client, write_bundle(tmp_path, name), f"{name}:1")
        for patterns, expected in {
            ("Fraud*",): {"Fraud", "Fraud_v1"},
            ("*_v1",): {"Fraud_v1", "fraud_v1"},
            ("*ra*d*",): {"Fraud", "Fraud_v1", "fraud_v1"},
            ("Iris", "F*v1"): {"Iris", "Fraud_v1"},
            ("Fraud*d",): {"Fraud_v1"} - {"Fraud_v1"},
        }.items():
            user = f"user{abs(hash(patterns))}"
            with running.client(make_token(running.home, user, Role.READ, *patterns)) as client:
                found = {bundle["name"] for bundle in client.get("/api/v1/bundles").json()["bundles"]}
                classic = {bento["name"] for bento in client.get("/api/ListBento").json()["bentos"]}
                assert found == classic == expected, patterns
                hidden = ({"Iris", "Fraud", "fraud_v1"} - expected).pop()
                for path in ("", "/tree", "/archive", "/files/bentoml.yml"):
                    assert client.get(f"/api/v1/bundles/{hidden}/1{path}").status_code == 403
                classic_get = client.get("/api/GetBento", params={"bento_name": hidden, "bento_version": "1"})
                assert classic_get.json()["status"]["status_code"] == "PERMISSION_DENIED"
