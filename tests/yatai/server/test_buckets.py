"""The registry over HTTP with its bundles in a bucket."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path, PurePosixPath

import httpx
import pytest

from bentoml._util.archives import pack_tar
from bentoml.storage.address import parse_address
from bentoml.storage.buckets import open_bucket
from bentoml.yatai.tree_reading import read_tree
from tests.storage.emulators import Emulator
from tests.storage.valve import Valve, valve_before
from tests.yatai.bucket_places import AZURE, SERVERS, emulator, emulator_in
from tests.yatai.server.bundles import begin, content_of, digest_of, push, send, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, environment, live_registry

__all__ = ["emulator", "emulator_in"]

pytestmark = [pytest.mark.environment("storage"), pytest.mark.timeout(180)]

MODEL = bytes(range(256)) * 80_000
FILE = "/api/v1/bundles/Iris/1/files/Iris/artifacts/model.pkl"
TYPES = {"s3": "s3", "gs": "gcs", "azure": "azure"}


def options_for(url: str) -> list[str]:
    kind = TYPES[url.partition(":")[0]]
    return ["--repository-type", kind, f"--{kind}-url", url]


def objects(url: str) -> dict[str, int]:
    address = parse_address(url)
    found = {entry.name: entry.size_bytes for entry in open_bucket(address).entries(address.name)}
    return {name: size_bytes for name, size_bytes in found.items() if not name.endswith("/catalog")}


@pytest.fixture(scope="module", params=["s3", "gs", AZURE])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture(scope="module")
def registry(place: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    home = tmp_path_factory.mktemp("home")
    with live_registry(home, *options_for(place.url("team/served")), **place.variables) as running:
        with running.client() as client:
            push(client, write_bundle(tmp_path_factory.mktemp("bundle"), model=MODEL))
        yield running


@pytest.fixture
def client(registry: LiveRegistry) -> Iterator[httpx.Client]:
    with registry.client() as made:
        yield made


def test_bundle_says_where_it_is_and_is_nowhere_else(
    registry: LiveRegistry, client: httpx.Client, place: Emulator
) -> None:
    uri = client.get("/api/v1/bundles/Iris/1").json()["uri"]
    kind = {"s3": "S3", "gs": "GCS", "azure": "AZURE_BLOB_STORAGE"}[place.scheme]
    assert uri == {"type": kind, "uri": place.url("team/served/Iris/1")}
    left = [path for path in registry.home.rglob("*") if path.is_file() and path.stat().st_size > 1 << 20]
    assert left == [], "its contents are in the bucket alone"


@pytest.mark.parametrize("part", [None, (0, 9), (10, 20_000_000), (20_479_999, 20_479_999)])
def test_file_comes_through_the_server_whole_or_in_part(client: httpx.Client, part: tuple[int, int] | None) -> None:
    answer = client.get(FILE, headers={} if part is None else {"range": f"bytes={part[0]}-{part[1]}"})
    expected = MODEL if part is None else MODEL[part[0] : part[1] + 1]
    assert answer.status_code == (200 if part is None else 206)
    assert answer.content == expected
    assert answer.headers["etag"] == f'"{digest_of(MODEL)}"'
    assert client.head(FILE).headers["content-length"] == str(len(MODEL))
    assert client.get(FILE, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert client.get("/api/v1/bundles/Iris/1/files/Iris/__init__.py").content == b""
    assert client.get(FILE, headers={"range": "bytes=20480000-"}).status_code == 416


def test_file_is_read_from_the_bucket_by_an_address_that_needs_no_token(client: httpx.Client, place: Emulator) -> None:
    answer = client.get(FILE, params={"redirect": "true"}, headers={"range": "bytes=5-9"})
    if place.scheme == "gs":
        assert (answer.status_code, answer.content) == (206, MODEL[5:10]), "a bearer token cannot sign"
        return
    assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")
    assert answer.headers["location"].startswith(place.endpoint)
    read = httpx.get(answer.headers["location"], headers={"range": "bytes=5-9"}, trust_env=False)
    assert (read.status_code, read.content) == (206, MODEL[5:10])
    assert client.get("/api/v1/bundles/Iris/1/files/nothing", params={"redirect": "true"}).status_code == 404


def test_archive_is_that_of_the_directory(registry: LiveRegistry, client: httpx.Client, tmp_path: Path) -> None:
    stream = io.BytesIO()
    pack_tar(write_bundle(tmp_path, model=MODEL), "Iris-1", stream)
    assert client.get("/api/v1/bundles/Iris/1/archive").content == stream.getvalue()
    assert not (registry.home / "cache").exists(), "no copy is made for it"


def test_classic_operations_take_and_give_archives(client: httpx.Client, place: Emulator, tmp_path: Path) -> None:
    stream = io.BytesIO()
    pack_tar(write_bundle(tmp_path, "Classic", model=os.urandom(1000)), "Classic-1", stream)
    tag = {"bento_name": "Classic", "bento_version": "1"}
    sent = client.post("/api/UploadBento", params=tag, content=stream.getvalue())
    uri = place.url("team/served/Classic/1")
    assert (sent.status_code, sent.json()["uri"]["uri"]) == (200, uri)
    assert client.get("/api/GetBento", params=tag).json()["bento"]["uri"].keys() == {"type", "uri"}
    assert client.get("/api/DownloadBento", params=tag).content == stream.getvalue()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/repository/Iris/1",
        "/repository/Iris/1/files",
        "/repository/Iris/1/environment",
        "/repository/Iris/1/files/run.sh",
    ],
)
def test_pages_show_bundles_without_a_copy(
    registry: LiveRegistry, client: httpx.Client, place: Emulator, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "Iris" in answer.text
    assert path != "/repository/Iris/1" or place.url("team/served/Iris/1") in answer.text
    assert not (registry.home / "cache").exists()


def test_deleted_bundle_comes_back_until_it_is_purged(
    registry: LiveRegistry, client: httpx.Client, place: Emulator, tmp_path: Path, emulated: None
) -> None:
    directory = write_bundle(tmp_path, "Back", model=os.urandom(1000))
    push(client, directory, "Back:1")
    before = objects(place.url("team/served"))
    assert client.delete("/api/v1/bundles/Back/1").status_code == 204
    assert objects(place.url("team/served")) == before
    assert client.post("/api/v1/bundles/Back/1/restore").status_code == 200
    content = (directory / "Back/artifacts/model.pkl").read_bytes()
    assert client.get("/api/v1/bundles/Back/1/files/Back/artifacts/model.pkl").content == content
    assert client.delete("/api/v1/bundles/Back/1", params={"purge": "true"}).status_code == 204
    # As if an hour had passed, for which the server remembers the upload, in case that its client asks again.
    with closing(sqlite3.connect(registry.home / "storage.db")) as connection, connection:
        connection.execute("UPDATE uploads SET expires_at = '2020-01-01 00:00:00'")
    run_yatai(registry, place, "gc")
    own = read_tree(directory).contents.keys() - read_tree(write_bundle(tmp_path, model=MODEL)).contents.keys()
    assert len(own) == 2, "manifest and model"
    after = objects(place.url("team/served"))
    assert not [name for name in after if f"sha256:{PurePosixPath(name).stem}" in own]
    assert len(after) == len(before) - len(own)
    assert ": 0 problems; 0 contents are unknown" in run_yatai(registry, place, "check", "--deep")


def run_yatai(registry: LiveRegistry, place: Emulator, *words: str) -> str:
    """What `bentoml yatai` prints beside the server, where the configuration names the bucket."""
    kind = TYPES[place.scheme]
    name = "BENTOML__YATAI__REPOSITORY"
    configured = {f"{name}__TYPE": kind, f"{name}__{kind.upper()}__URL": place.url("team/served")}
    command = [sys.executable, "-m", "bentoml", "yatai", *words]
    env = environment(registry.home, **place.variables, **configured)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def emulated(place: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket can be reached from this process, too."""
    for name, value in place.variables.items():
        monkeypatch.setenv(name, value)


def test_shared_contents_are_neither_sent_nor_fetched_again(emulator: Emulator, tmp_path: Path) -> None:
    url, model = emulator.url("team/shared"), os.urandom(50 << 20)
    with (
        valve_before(emulator.endpoint) as valve,
        live_registry(tmp_path / "home", *options_for(url), **through(emulator, valve)) as running,
        running.client() as client,
    ):
        for number in range(10):
            directory = write_bundle(tmp_path, version=str(number), model=model)
            push(client, directory, f"Iris:{number}")
            if number == 0:
                first_bytes = valve.sent_bytes
                valve.received_bytes = 0
    stored = objects(url)
    assert max(stored.values()) == len(model)
    assert sum(stored.values()) < len(model) + 20_000
    assert len(model) < first_bytes
    assert valve.sent_bytes < len(model) * 1.1, "the model went there once"
    assert valve.received_bytes < 1 << 20, "and never back"


def through(emulator: Emulator, valve: Valve) -> dict[str, str]:
    return {**emulator.variables, "AWS_ENDPOINT_URL": valve.url}


def test_server_that_is_killed_while_it_brings_a_bundle_to_the_bucket_goes_on(
    emulator: Emulator, tmp_path: Path
) -> None:
    url, home = emulator.url("team/killed"), tmp_path / "home"
    directory = write_bundle(tmp_path, model=os.urandom(40 << 20))
    with valve_before(emulator.endpoint) as valve, ThreadPoolExecutor(1) as pool:
        with live_registry(home, *options_for(url), **through(emulator, valve)) as running, running.client() as client:
            upload = send_all(client, directory)
            valve.hold_after(24 << 20)
            committing = pool.submit(client.post, f"/api/v1/uploads/{upload}/commit")
            assert valve.is_held.wait(60)
            running.process.send_signal(signal.SIGKILL)
            running.process.wait(30)
            with pytest.raises(httpx.HTTPError):
                committing.result(30)
        valve.open()
        with live_registry(home, *options_for(url), **through(emulator, valve)) as running, running.client() as client:
            assert client.get("/api/v1/bundles").json()["bundles"] == []
            again = begin(client, directory).json()
            assert (again["id"], again["missing"]) == (upload, [])
            assert client.post(f"/api/v1/uploads/{upload}/commit").status_code == 200
            assert client.get(FILE).content == (directory / "Iris/artifacts/model.pkl").read_bytes()
    assert sorted(objects(url).values()) == sorted(read_tree(directory).contents.values())
    assert not list((home / "yatai-uploads").iterdir())
    assert not list((home / "staging").iterdir())


def test_outage_of_the_bucket_is_said_and_the_next_commit_goes_well(emulator: Emulator, tmp_path: Path) -> None:
    url = emulator.url("team/outage")
    directory = write_bundle(tmp_path, model=os.urandom(40 << 20))
    with (
        valve_before(emulator.endpoint) as valve,
        ThreadPoolExecutor(1) as pool,
        live_registry(tmp_path / "home", *options_for(url), **through(emulator, valve)) as running,
        running.client() as client,
    ):
        client.timeout = httpx.Timeout(150)
        upload = send_all(client, directory)
        valve.hold_after(24 << 20)
        committing = pool.submit(client.post, f"/api/v1/uploads/{upload}/commit")
        assert valve.is_held.wait(60)
        valve.close()
        answer = committing.result(150)
        assert answer.status_code == 503, answer.text
        assert "The bucket of the repository cannot be used: s3://" in answer.json()["error"]["message"]
        assert answer.headers["retry-after"]
        assert client.get("/api/v1/bundles").json()["bundles"] == []
        valve.open()
        assert client.post(f"/api/v1/uploads/{upload}/commit").status_code == 200
        assert client.get(FILE).status_code == 200
        valve.close()
        assert client.get(FILE).status_code == 503


def test_content_that_is_lost_in_the_bucket_is_asked_for_again(emulator: Emulator, tmp_path: Path) -> None:
    url, model = emulator.url("team/lost"), os.urandom(1000)
    first, second = (write_bundle(tmp_path, version=version, model=model) for version in "12")
    with (
        live_registry(tmp_path / "home", *options_for(url), **emulator.variables) as running,
        running.client() as client,
    ):
        push(client, first)
        (lost,) = [name for name in objects(url) if digest_of(model).removeprefix("sha256:") in name]
        open_bucket(parse_address(url)).delete(lost)
        upload = send_all(client, second, "Iris:2")
        answer = client.post(f"/api/v1/uploads/{upload}/commit")
        assert answer.status_code == 409
        assert "1 contents are not in the store any more; send them again" in answer.json()["error"]["message"]
        push(client, second, "Iris:2")
        assert client.get(FILE).content == model, "of the first bundle, too"


def send_all(client: httpx.Client, directory: Path, tag: str = "Iris:1") -> str:
    """Begin an upload, and send all that is missing."""
    state, tree = begin(client, directory, tag).json(), read_tree(directory)
    for item in state["missing"]:
        content = content_of(directory, tree, item["digest"])
        assert send(client, state["id"], item["digest"], content).status_code == 204
    return str(state["id"])


def test_bucket_that_cannot_be_used_is_no_fault_of_the_client(emulator: Emulator, tmp_path: Path) -> None:
    with (
        live_registry(tmp_path / "home", *options_for("s3://no-such-bucket/x"), **emulator.variables) as running,
        running.client() as client,
    ):
        upload = send_all(client, write_bundle(tmp_path))
        answer = client.post(f"/api/v1/uploads/{upload}/commit")
        assert answer.status_code == 503
        assert "no such bucket" in answer.json()["error"]["message"]
        assert client.get("/api/v1/bundles").json()["bundles"] == []
