"""A running server takes newly saved bundles in: nothing is lost or left behind, and what is bad changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, child_of, live_server, metric, save_bundle
from tests.server.test_serve import assert_ended

SOURCE = """
    import asyncio
    import os

    import bentoml
    from bentoml.adapters import JsonInput

    {on_import}

    class Versioned(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=20000)
        def version_of(self, items):
            return [[self.version, item, os.getpid()] for item in items]

        @bentoml.api(input=JsonInput(), batch=False)
        async def slow_version(self, seconds):
            await asyncio.sleep(seconds)
            return self.version

        @bentoml.api(input=JsonInput(), batch=False)
        async def pieces(self, seconds):
            for _ in range(5):
                await asyncio.sleep(seconds / 5)
                yield f"{{self.version}} "

        {more}
"""
EXTRA_API = """
        @bentoml.api(input=JsonInput(), batch=False)
        async def {name}(self, seconds):
            await asyncio.sleep(seconds)
            return self.version
"""
LOOK_S = 0.02
Saving = Callable[[], AbstractContextManager[None]]


@dataclass
class Repository:
    """Versions of one service, saved one after the other."""

    directory: Path

    @property
    def home(self) -> Path:
        return self.directory / "home"

    def save(self, version: str, *, on_import: str = "", extra: str = "", class_name: str = "Versioned") -> Path:
        more = EXTRA_API.format(name=extra) if extra else ""
        source = SOURCE.format(on_import=on_import, more=more.strip()).replace("Versioned", class_name)
        return save_bundle(self.directory, source, class_name=class_name, pack=f"service.set_version({version!r})")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def saving(monkeypatch: pytest.MonkeyPatch) -> Saving:
    """Tells the modules that are imported inside of it that they are being saved, not served."""

    @contextmanager
    def marked() -> Iterator[None]:
        with monkeypatch.context() as patched:
            patched.setenv("SAVING", "1")
            yield

    return marked


def wait_until(condition: Callable[[], object], what: str, server: LiveServer, limit_s: float = 60) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert server.process.poll() is None, server.output()
        assert time.monotonic() < end_s, f"never {what}:\n{server.output()}"
        time.sleep(LOOK_S)  # between looks at the real thing, under a deadline


def served_version(server: LiveServer) -> str:
    version: str = server.client.get("/metadata").json()["version"]
    return version


def reload_to(server: LiveServer, version: str) -> None:
    swaps = server.output().count("is served now")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.output().count("is served now") > swaps, "swapped", server)
    assert served_version(server) == version


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def open_files(pid: int) -> list[str]:
    """What a process has open, without the numbers of sockets and pipes."""
    found = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            found.append(re.sub(r"\d+", "", str(file.readlink())))
    return sorted(found)


@dataclass
class Load:
    """Keep-alive connections that ask for the version again and again.

    Attributes:
        answered: answers by version.
        newest: the highest version that any answer has named.
    """

    port: int
    answered: dict[str, int] = field(default_factory=dict)
    newest: str = ""
    _is_over: bool = False

    async def ask(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        turn = 0
        while not self._is_over:
            item = f"{number}-{turn}"
            newest_when_sent = self.newest
            # Every third request takes the way through the ASGI application.
            expect = "Expect: 100-continue\r\n" if turn % 3 == 2 else ""
            body = json.dumps(item)
            writer.write(
                f"POST /version_of HTTP/1.1\r\nHost: x\r\n{expect}Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 100 "):
                head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert b"connection: close" not in head
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            version, echoed, _ = json.loads(await reader.readexactly(int(length[1])))
            assert echoed == item
            assert version >= newest_when_sent, f"{version} answered after {newest_when_sent} had"
            self.newest = max(self.newest, version)
            self.answered[version] = self.answered.get(version, 0) + 1
            turn += 1
        writer.close()
        await writer.wait_closed()

    async def run(self, clients: int, work: Callable[[], None]) -> None:
        """Ask with many clients while `work` runs in a thread."""
        asking = [asyncio.ensure_future(self.ask(number)) for number in range(clients)]
        working = asyncio.ensure_future(asyncio.to_thread(work))
        await asyncio.wait({working, *asking}, return_when=asyncio.FIRST_COMPLETED)
        self._is_over = True
        await asyncio.gather(*asking)
        await working


@contextmanager
def serving(repository: Repository, *arguments: str) -> Iterator[LiveServer]:
    with live_server(Path("Versioned:latest"), *arguments, home=repository.home, command="serve-gunicorn") as server:
        yield server


def test_swaps_under_load_lose_no_request_and_leave_nothing_behind(repository: Repository) -> None:
    repository.save("v1")
    with serving(repository, "--workers", "2") as server:
        wait_until(lambda: metric(server, "BENTOML_Versioned_workers") == 2, "had 2 workers", server)
        front = child_of(server, "bentoml.server.front.front")
        # Log files are opened with the first line.
        assert server.client.post("/version_of", json="before").status_code == 200
        reload_to(server, "v1")
        wait_until(lambda: len(children(server.process.pid)) == 3, "ended the old workers", server)
        looks: list[tuple[list[str], list[str]]] = []

        def is_still() -> bool:
            looks.append((open_files(server.process.pid), open_files(front)))
            return looks[-10:].count(looks[-1]) == 10

        wait_until(is_still, "closed what the old workers had sent their logs over", server)
        before = looks[-1]
        pids = set(children(server.process.pid))
        load = Load(server.port)

        def swap_three_times() -> None:
            for version in ("v2", "v3", "v4"):
                repository.save(version)
                reload_to(server, version)
                wait_until(lambda: load.answered.get(load.newest, 0) > 100, f"went on with {version}", server)

        asyncio.run(load.run(48, swap_three_times))
        assert set(load.answered) == {"v1", "v2", "v3", "v4"}
        wait_until(lambda: len(children(server.process.pid)) == 3, "ended the old workers", server)
        assert set(children(server.process.pid)) & pids == {front}
        wait_until(
            lambda: (open_files(server.process.pid), open_files(front)) == before,
            f"closed what it had opened, {before} of it before",
            server,
            10,
        )
        load.answered["v1"] += 1  # the one before
        for version, count in load.answered.items():
            labels = {"endpoint": "/version_of", "service_version": version, "http_response_code": "200"}
            assert metric(server, "BENTOML_Versioned_request_total", **labels) == count
        total = metric(server, "BENTOML_Versioned_mb_request_total", endpoint="version_of", http_response_code="200")
        assert total == sum(load.answered.values())
        assert metric(server, "BENTOML_Versioned_request_in_progress", endpoint="/version_of") == 0
        assert server.stop() == 0


def test_pages_and_routes_follow_the_bundle_and_accepted_calls_are_answered(repository: Repository) -> None:
    repository.save("v1", extra="only_old")
    with serving(repository, "--workers", "1") as server:
        repository.save("v2", extra="only_new")
        assert server.client.post("/only_new", json=0).status_code == 404

        def are_running() -> bool:
            name = "BENTOML_Versioned_request_in_progress"
            return all(metric(server, name, endpoint=path) == 1 for path in ("/only_old", "/pieces"))

        async def call_over_the_flip() -> list[httpx.Response]:
            async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False, verify=NO_TLS) as http:
                calls = [asyncio.ensure_future(http.post(path, json=3.0)) for path in ("/only_old", "/pieces")]
                await asyncio.to_thread(wait_until, are_running, "took the calls", server)
                await asyncio.to_thread(reload_to, server, "v2")
                return await asyncio.gather(*calls)

        whole, pieces = asyncio.run(call_over_the_flip())
        assert (whole.status_code, whole.json()) == (200, "v1")
        assert (pieces.status_code, pieces.text) == (200, "v1 " * 5)
        assert server.client.post("/only_old", json=0).status_code == 404
        assert server.client.post("/only_new", json=0).json() == "v2"
        paths = server.client.get("/docs.json").json()["paths"]
        assert "/only_new" in paths
        assert "/only_old" not in paths
        assert server.client.get("/readyz").status_code == 200


def test_request_whose_body_comes_after_the_flip_is_answered_by_the_bundle_it_came_for(repository: Repository) -> None:
    repository.save("v1", extra="only_old")
    with serving(repository, "--workers", "1") as server:

        async def slow_sender() -> list[bytes]:
            answers = []
            senders = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
            for (_, writer), expect in zip(senders, (b"", b"Expect: 100-continue\r\n"), strict=True):
                writer.write(b"POST /only_old HTTP/1.1\r\nHost: x\r\n" + expect + b"Content-Length: 2\r\n\r\n0")
            await asyncio.to_thread(server.client.get, "/livez")
            await asyncio.to_thread(repository.save, "v2")
            await asyncio.to_thread(reload_to, server, "v2")
            for reader, writer in senders:
                writer.write(b" ")
                answers.append((await reader.readuntil(b'"v1"')).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")[:12])
                writer.close()
                await writer.wait_closed()
            return answers

        assert asyncio.run(slow_sender()) == [b"HTTP/1.1 200"] * 2


@pytest.mark.parametrize(
    ("on_import", "sentence"),
    [
        (
            "if 'HOME' in os.environ and not os.environ.get('SAVING'): raise RuntimeError('the weights are gone')",
            "gone",
        ),
        ("if not os.environ.get('SAVING'): os._exit(7)", "workers died 5 times in a row"),
    ],
    ids=["raises", "dies"],
)
def test_bundle_that_cannot_be_loaded_leaves_the_old_one_serving(
    repository: Repository, saving: Saving, on_import: str, sentence: str
) -> None:
    repository.save("v1")
    with serving(repository, "--workers", "1") as server:
        worker = server.client.post("/version_of", json=0).json()[2]
        with saving():
            repository.save("v2", on_import=on_import)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "goes on being served" in server.output(), "gave up", server)
        assert sentence in server.output()
        assert server.client.post("/version_of", json=0).json() == ["v1", 0, worker]
        wait_until(lambda: len(children(server.process.pid)) == 2, "ended the new workers", server)
        repository.save("v3")
        reload_to(server, "v3")
        assert server.client.post("/version_of", json=0).json()[0] == "v3"
        assert_ended(worker)


def test_bundle_that_was_changed_or_is_another_service_is_refused(repository: Repository) -> None:
    bundle = repository.save("v1")
    with live_server(bundle, home=repository.home) as server:
        module = bundle / "Versioned" / "served_service.py"
        good = module.read_text(encoding="utf-8")
        module.write_text(good + "\n", encoding="utf-8")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "served_service.py was changed" in server.output(), "noticed", server)
        module.write_text(good, encoding="utf-8")
        bundle.rename(bundle.with_name("aside"))
        repository.save("v1", class_name="Other").rename(bundle)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "holds the service Other" in server.output(), "noticed", server)
        assert server.client.post("/version_of", json=1).json()[:2] == ["v1", 1]
        assert server.stop() == 0


def test_bundle_that_carries_pickles_is_refused_where_those_are_not_allowed(repository: Repository) -> None:
    repository.save("v1")
    with serving(repository, "--workers", "1", "--no-pickle") as server:
        source = SOURCE.format(on_import="from bentoml.artifact import PickleArtifact", more="")
        source = source.replace(
            "    class Versioned", "    @bentoml.artifacts([PickleArtifact('model')])\n    class Versioned"
        )
        pack = "service.set_version('v2'); service.pack('model', 1)"
        save_bundle(repository.directory, source, class_name="Versioned", pack=pack)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "goes on being served" in server.output(), "gave up", server)
        assert "pickles are not allowed here: 'model' (PickleArtifact)" in server.output()
        assert server.client.post("/version_of", json=0).json()[0] == "v1"
        assert served_version(server) == "v1"


def test_sighup_with_nothing_new_loads_the_same_bundle_again(repository: Repository) -> None:
    repository.save("v1")
    with serving(repository, "--workers", "1") as server:
        worker = server.client.post("/version_of", json=0).json()[2]
        for pid in children(server.process.pid):
            os.kill(pid, signal.SIGHUP)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.client.post("/version_of", json=0).json()[2] != worker, "replaced it", server)
        assert "There is no newer bundle" in server.output()
        assert_ended(worker)
        assert "SIGHUP" not in server.output()


def test_sighups_during_a_swap_become_one_more_swap(repository: Repository) -> None:
    repository.save("v1")
    with serving(repository, "--workers", "1") as server:
        worker = server.client.post("/version_of", json=0).json()[2]
        repository.save("v2", on_import="import time; time.sleep(float(os.environ.get('SAVING', 0)) or 1)")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "Loading " in server.output(), "began", server)
        for _ in range(3):
            server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.output().count("is served now") == 2, "swapped twice", server)
        wait_until(lambda: len(children(server.process.pid)) == 2, "ended the old workers", server)
        assert server.output().count("Loading ") == 1
        assert server.output().count("There is no newer bundle") == 1
        assert_ended(worker)


@pytest.mark.parametrize("is_watching", [False, True], ids=["sighup", "reload"])
def test_bundle_that_hangs_while_it_loads_is_given_up_for_a_newer_one(
    repository: Repository, saving: Saving, *, is_watching: bool
) -> None:
    repository.save("v1")
    arguments = ["--reload"] if is_watching else []
    with serving(repository, "--workers", "1", *arguments) as server:
        with saving():
            repository.save("v2", on_import="import time; time.sleep(0 if os.environ.get('SAVING') else 600)")
        if not is_watching:
            server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(children(server.process.pid)) == 3, "started the new worker", server)
        repository.save("v3")
        if not is_watching:
            server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: served_version(server) == "v3", "served v3", server)
        assert "given up for a newer one" in server.output()
        wait_until(lambda: len(children(server.process.pid)) == 2, "ended the other workers", server)


def test_sigterm_in_the_middle_of_a_swap_ends_everything(repository: Repository, saving: Saving) -> None:
    repository.save("v1")
    with serving(repository, "--workers", "2") as server:
        front = child_of(server, "bentoml.server.front.front")
        with saving():
            repository.save("v2", on_import="import time; time.sleep(0 if os.environ.get('SAVING') else 60)")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(children(server.process.pid)) == 5, "started the new workers", server)
        everyone = children(server.process.pid)
        assert server.stop() == 0
        assert front in everyone
        for pid in everyone:
            assert_ended(pid)


def test_reload_option_serves_what_is_saved_by_itself(repository: Repository) -> None:
    repository.save("v1")
    with live_server(Path("Versioned:latest"), "--reload", home=repository.home) as server:
        worker = server.client.post("/version_of", json=0).json()[2]
        repository.save("v2")
        wait_until(lambda: served_version(server) == "v2", "served v2", server)
        assert_ended(worker)
        assert server.output().count("is served now") == 1


def test_reload_option_follows_a_directory_that_is_edited_in_place(repository: Repository) -> None:
    bundle = repository.save("v1")
    with live_server(bundle, "--reload", "--no-verify", home=repository.home) as server:
        module = bundle / "Versioned" / "served_service.py"
        module.write_text(
            module.read_text(encoding="utf-8").replace("[self.version, item", "['edited', item"), encoding="utf-8"
        )
        wait_until(lambda: server.client.post("/version_of", json=0).json()[0] == "edited", "noticed", server)


@pytest.mark.parametrize("is_nohup", [False, True], ids=["plain", "nohup"])
def test_terminal_that_is_closed_ends_the_server_unless_it_was_told_to_stay(
    repository: Repository, is_nohup: bool
) -> None:
    bundle = repository.save("v1")
    ours, theirs = os.openpty()
    log = repository.directory / "log"
    command = [sys.executable, "-u", "-m", "bentoml", "serve", str(bundle), "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            # Whatever the tests themselves were started with.
            ["env", "--default-signal=HUP", "setsid", "--ctty", *(["nohup"] if is_nohup else []), *command],
            stdin=theirs,
            stdout=output,
            stderr=output,
            env={**os.environ, "BENTOML_HOME": str(repository.home)},
        )
    os.close(theirs)

    def wait_for(sentence: bytes, meanwhile: Callable[[], object] = lambda: None) -> None:
        end_s = time.monotonic() + 60
        while sentence not in log.read_bytes():
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < end_s, log.read_text(encoding="utf-8")
            meanwhile()
            time.sleep(LOOK_S)

    try:
        wait_for(b"Press Ctrl-C")
        os.close(ours)
        if is_nohup:
            # A signal that is still on its way swallows another one of its kind.
            wait_for(b"There is no newer bundle", lambda: process.send_signal(signal.SIGHUP))
            process.terminate()
        assert process.wait(60) == 0, log.read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()
