"""The repository that users see, when the registry is on another machine: a live server, and a home of its own here."""

from __future__ import annotations

import fcntl
import http.server
import shutil
import threading
import urllib.request
from pathlib import Path

import pytest

import bentoml
from bentoml.adapters import JsonInput
from bentoml.exceptions import (
    BentoMLException,
    BentoMLRpcError,
    CLIException,
    NotFound,
    Unauthenticated,
    YataiServiceException,
    YataiServiceRpcAborted,
)
from bentoml.service.artifacts.common import JSONArtifact
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.repository import BentoRepository
from bentoml.yatai.resolve import is_held, release_all_but, resolve_bundle_path, resolve_own_bundle
from bentoml.yatai.server.roles import Role
from tests.yatai.conftest import Save
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token


@bentoml.artifacts([JSONArtifact("table")])
class Prices(bentoml.BentoService):
    """Looks things up in a table."""

    @bentoml.api(input=JsonInput())
    def price(self, name: str) -> float:
        found: float = self.artifacts.table[name]
        return found


@pytest.fixture
def packed() -> Prices:
    service = Prices()
    service.pack("table", {"tea": 2.5})
    return service


@pytest.fixture
def there(server: LiveRegistry, bentoml_home: Path) -> BentoRepository:
    return get_yatai_client(server.url).repository


def price_of_tea(repository: BentoRepository, tag: str) -> object:
    """What a saved bundle says."""
    return repository.load(tag).get_inference_api("price").user_func("tea")


def configure(home: Path, **remote: str) -> None:
    lines = "".join(f"    {key}: {value}\n" for key, value in remote.items())
    (home / "bentoml.yml").write_text(f"yatai:\n  remote:\n{lines}")


def test_push_and_pull_bring_a_bundle_there_and_back(
    there: BentoRepository, repository: BentoRepository, save: Save, server: LiveRegistry
) -> None:
    path = save("Round", labels={"stage": "prod"})
    assert there.push("Round:latest") == str(server.home / "repository" / "Round" / "1")
    assert there.push("Round:1") == str(server.home / "repository" / "Round" / "1")
    there.set_alias("Round:1", "production")
    repository.delete("Round:1", purge=True)
    assert there.pull("Round@production") == str(path)
    assert (path / "Round" / "iris.py").read_text() == "ANSWER = 42\n"
    assert (path / "docker-entrypoint.sh").stat().st_mode & 0o100
    assert repository.get("Round:1").bento_service_metadata.labels == {"stage": "prod"}


def test_push_without_labels_leaves_them_here(there: BentoRepository, save: Save) -> None:
    save("Bare", labels={"stage": "prod"})
    there.push("Bare:1", with_labels=False)
    assert there.get("Bare:1").bento_service_metadata.labels == {}


def test_push_of_another_bundle_of_the_same_tag_is_refused(
    there: BentoRepository, repository: BentoRepository, save: Save, tmp_path: Path
) -> None:
    save("Twice")
    there.push("Twice:1")
    repository.delete("Twice:1", purge=True)
    changed = tmp_path / "bundles" / "Twice-1"
    (changed / "Twice" / "iris.py").write_text("ANSWER = 41\n")
    repository.upload_from_dir(changed)
    with pytest.raises(YataiServiceRpcAborted, match=f"{there.url}: Twice:1 is there already, with other files"):
        there.push("Twice:1")
    with pytest.raises(YataiServiceRpcAborted, match="This machine: Twice:1 is there already, with other files"):
        there.pull("Twice:1")


@pytest.mark.parametrize(("verb", "where"), [("push", "on this machine"), ("pull", "at http://127.0.0.1")])
def test_what_is_not_there_is_said_with_the_place(there: BentoRepository, verb: str, where: str) -> None:
    with pytest.raises(NotFound, match=f"BentoService Nobody:1 not found.*registered {where}"):
        getattr(there, verb)("Nobody:1")


def test_pull_of_a_second_version_loads_what_has_changed_alone(
    bentoml_home: Path, server: LiveRegistry, repository: BentoRepository, save: Save
) -> None:
    told: list[tuple[int, int]] = []
    there = get_yatai_client(server.url, progress=lambda done, total: told.append((done, total))).repository
    for version in ("1", "2"):
        save("Shared", version)
        there.push(f"Shared:{version}")
    repository.delete("Shared:2", purge=True)
    told.clear()
    there.pull("Shared:2")
    manifest = (Path(repository.get("Shared:2").uri.uri) / "bentoml.yml").stat().st_size
    assert told[-1] == (manifest, manifest)


def test_save_with_a_url_sends_the_bundle_and_keeps_none_here(
    there: BentoRepository, server: LiveRegistry, repository: BentoRepository, packed: Prices
) -> None:
    uri = packed.save(yatai_url=server.url, version="sent", labels={"stage": "prod"})
    assert uri == str(server.home / "repository" / "Prices" / "sent")
    assert there.get("Prices:sent").bento_service_metadata.labels == {"stage": "prod"}
    assert repository.list() == []
    assert price_of_tea(there, "Prices:sent") == 2.5
    with pytest.raises(YataiServiceRpcAborted, match="Prices:sent already registered in repository"):
        packed.save(yatai_url=server.url)


def test_save_with_a_configured_url_goes_there(
    bentoml_home: Path, server: LiveRegistry, packed: Prices, caplog: pytest.LogCaptureFixture
) -> None:
    configure(bentoml_home, url=server.url)
    with caplog.at_level("INFO"):
        uri = packed.save(version="configured")
    assert f"BentoService bundle 'Prices:configured' saved to: {uri} of {server.url}" in caplog.text


def test_save_when_the_registry_cannot_be_reached_keeps_the_bundle_here(
    bentoml_home: Path, repository: BentoRepository, packed: Prices
) -> None:
    with pytest.raises(YataiServiceException) as caught:
        packed.save(yatai_url="http://127.0.0.1:1", version="unsent", labels={"stage": "prod"})
    assert "Prices:unsent could not be sent to http://127.0.0.1:1: The registry at" in str(caught.value)
    assert str(caught.value).endswith("send it with: bentoml push Prices:unsent --yatai-url http://127.0.0.1:1")
    assert repository.get("Prices:unsent").bento_service_metadata.labels == {"stage": "prod"}
    assert price_of_tea(repository, "Prices:unsent") == 2.5


def test_save_when_neither_place_takes_the_bundle_says_where_its_files_are(
    bentoml_home: Path, repository: BentoRepository, packed: Prices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    packed.save(version="taken")
    with pytest.raises(YataiServiceException, match="could not be saved on this machine either") as caught:
        packed.save(yatai_url="http://127.0.0.1:1", version="taken")
    (kept,) = tmp_path.glob("Prices-unsent-*")
    assert str(kept) in str(caught.value)
    repository.delete("Prices:taken")
    repository.upload_from_dir(kept)
    assert price_of_tea(repository, "Prices:taken") == 2.5


def test_save_when_it_is_interrupted_keeps_the_bundle_here(
    server: LiveRegistry, repository: BentoRepository, packed: Prices
) -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    packed.set_version("interrupted")
    with pytest.raises(KeyboardInterrupt):
        get_yatai_client(server.url, progress=interrupt).repository.upload(packed)
    assert price_of_tea(repository, "Prices:interrupted") == 2.5
    repository.delete("Prices:interrupted", purge=True)
    packed.save(yatai_url=server.url)


def test_a_bundle_of_another_tag_is_not_taken(there: BentoRepository, save: Save, server: LiveRegistry) -> None:
    class Liar(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with urllib.request.urlopen(server.url + self.path.replace("/Good/1", "/Bad/1"), timeout=30) as answer:
                body = answer.read()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    save("Bad")
    there.push("Bad:1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as liar:
        thread = threading.Thread(target=liar.serve_forever)
        thread.start()
        try:
            with pytest.raises(BentoMLRpcError, match="with Bad:1 when it was asked for Good:1"):
                get_yatai_client(f"http://127.0.0.1:{liar.server_port}").repository.pull("Good:1")
        finally:
            liar.shutdown()
            thread.join()


def test_tokens_are_taken_from_the_configuration(
    tmp_path: Path, bentoml_home: Path, save: Save, packed: Prices
) -> None:
    save("Iris")
    with live_registry(tmp_path / "guarded", "--auth") as guarded:
        with pytest.raises(Unauthenticated, match=r"Set yatai\.remote\.access_token"):
            get_yatai_client(guarded.url).repository.push("Iris:1")
        with pytest.raises(YataiServiceException, match="saved on this machine instead"):
            packed.save(yatai_url=guarded.url)
        configure(bentoml_home, url=guarded.url, access_token="bnt_wrong")
        with pytest.raises(Unauthenticated):
            get_yatai_client().repository.push("Iris:1")
        configure(bentoml_home, url=guarded.url, access_token=make_token(guarded.home, "ada", Role.READ))
        with pytest.raises(BentoMLException, match="refuses"):
            get_yatai_client().repository.push("Iris:1")
        configure(bentoml_home, url=guarded.url, access_token=make_token(guarded.home, "grace", Role.WRITE))
        get_yatai_client().repository.push("Iris:1")
        assert get_yatai_client().repository.get("Iris:1").created_by == "grace"


def test_resolve_gives_a_copy_that_is_held(there: BentoRepository, save: Save, server: LiveRegistry) -> None:
    save("Held")
    there.push("Held:1")
    path = resolve_bundle_path("Held:latest", server.url)
    assert resolve_bundle_path("Held:1", server.url) == path
    assert (path / "Held" / "iris.py").read_text() == "ANSWER = 42\n"
    assert is_held(path)
    assert not can_be_removed(path)
    release_all_but([])
    assert not is_held(path)
    assert can_be_removed(path)


def test_resolve_when_a_held_copy_was_removed_makes_it_again(
    there: BentoRepository, save: Save, server: LiveRegistry
) -> None:
    save("Lost")
    there.push("Lost:1")
    path = resolve_bundle_path("Lost:1", server.url)
    shutil.rmtree(path)
    assert (resolve_bundle_path("Lost:1", server.url) / "Lost" / "iris.py").read_text() == "ANSWER = 42\n"
    release_all_but([])


def test_resolve_when_there_is_none_says_where_it_was_looked_for(there: BentoRepository, server: LiveRegistry) -> None:
    with pytest.raises(NotFound, match=f'BentoService "Nobody:1" not found in {server.url} - either specify'):
        resolve_bundle_path("Nobody:1", server.url)


def test_a_copy_is_not_changed(there: BentoRepository, save: Save, server: LiveRegistry) -> None:
    path = save("Signed")
    there.push("Signed:1")
    with pytest.raises(CLIException, match="Signed:1 is not on this machine: sign the bundle before it is pushed"):
        resolve_own_bundle("Signed:1", server.url, "sign")
    release_all_but([])
    assert resolve_own_bundle("Signed:1", "", "sign") == path


def can_be_removed(path: Path) -> bool:
    """Whether nobody holds a copy."""
    with path.with_name(f"{path.name}.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
