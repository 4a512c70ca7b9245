"""Lines that break, clients and servers that are killed: what was to be done is done, and little of it twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bentoml.exceptions import NotFound
from bentoml.saved_bundle import load_bento_service_metadata
from bentoml.types import Tag
from bentoml.yatai.models import Bento
from bentoml.yatai.remote import RemoteRegistry, RemoteSettings, open_registry
from bentoml.yatai.tree_reading import read_tree
from tests.yatai.remote.weak_line import WeakLine, weak_line
from tests.yatai.server.bundles import write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry

SCRIPT = Path(__file__).with_name("client_process.py")
ROOT = Path(__file__).parents[3]
MIB = 1 << 20
# Heads of requests and answers, and the small files of a bundle.
OVERHEAD_BYTES = 20_000


@pytest.fixture
def line(server: LiveRegistry) -> Iterator[WeakLine]:
    with weak_line(server.port) as made:
        yield made


def opened(line: WeakLine, home: Path, **settings: object) -> RemoteRegistry:
    return open_registry(line.url, RemoteSettings(cache_directory=home, **settings))  # type: ignore[arg-type]


def register(registry: RemoteRegistry, directory: Path) -> Bento:
    return registry.register(directory, load_bento_service_metadata(directory))


def start_client(verb: str, line: WeakLine, what: str | Path, home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), verb, line.url, str(what), str(home)]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), "BENTOML_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_bytes(directory: Path, size_bytes: int) -> None:
    """Until a content that is on its way has come so far: what is in the system's buffers is lost with a process."""
    deadline_s = time.monotonic() + 60
    while max((path.stat().st_size for path in directory.rglob("*.part")), default=0) < size_bytes:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def finished(process: subprocess.Popen[str]) -> str:
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    return stdout.strip()


UP = [1, 300, 500, 700, 1100, 1500, 1900, 2100, 2300, 2700, 3000, 3200]
DOWN = [1, 100, 300, 600, 800, 1000, 1200, 1400, 1700, 2000, 2400]


@pytest.mark.parametrize(("way", "bytes_until"), [*(("up", n) for n in UP), *(("down", n) for n in DOWN)])
def test_upload_when_the_line_breaks_anywhere_is_completed(
    line: WeakLine, registry: RemoteRegistry, tmp_path: Path, client_home: Path, way: str, bytes_until: int
) -> None:
    """Requests are lost, cut and carried out without the client knowing."""
    source = write_bundle(tmp_path, f"Broken{way}{bytes_until}", model=os.urandom(1000))
    getattr(line, way).breaks_at = bytes_until
    bento = register(opened(line, client_home), source)
    assert getattr(line, way).breaks_at is None
    assert registry.find(Tag(bento.name, "1")) == bento
    assert registry.tree(bento) == read_tree(source)


@pytest.mark.parametrize("bytes_until", [1, 400, 900, 1400, 1900, 2400, 2900, 100_000])
def test_download_when_the_line_breaks_anywhere_is_completed(
    line: WeakLine, registry: RemoteRegistry, tmp_path: Path, client_home: Path, bytes_until: int
) -> None:
    source = write_bundle(tmp_path, f"Down{bytes_until}", model=os.urandom(200_000))
    bento = register(registry, source)
    line.down.breaks_at = bytes_until
    with opened(line, client_home / "other").reading(bento) as directory:
        assert read_tree(directory, verify=True) == read_tree(source)
    assert line.down.breaks_at is None


def test_upload_when_every_connection_breaks_gets_there_piece_by_piece(
    line: WeakLine, tmp_path: Path, client_home: Path
) -> None:
    line.breaks_each_after = 200_000
    source = write_bundle(tmp_path, "Pieces", model=os.urandom(MIB))
    registry = opened(line, client_home, at_once=1)
    assert registry.tree(register(registry, source)) == read_tree(source)
    assert line.up.passed_bytes < 3 * MIB


def test_upload_when_the_client_is_killed_goes_on_where_it_was(
    server: LiveRegistry, registry: RemoteRegistry, line: WeakLine, tmp_path: Path, client_home: Path
) -> None:
    source = write_bundle(tmp_path, "KilledPush", model=os.urandom(4 * MIB))
    line.up.holds_at = 3 * MIB
    process = start_client("push", line, source, client_home)
    assert line.holds.wait(60)
    process.kill()
    process.communicate()
    line.release()
    with pytest.raises(NotFound):
        registry.find(Tag("KilledPush", "1"))

    line.start_again()
    finished(start_client("push", line, source, client_home))
    assert line.up.passed_bytes < MIB + OVERHEAD_BYTES
    assert registry.tree(registry.find(Tag("KilledPush", "1"))) == read_tree(source)
    assert server.process.poll() is None


def test_download_when_the_client_is_killed_goes_on_where_it_was(
    registry: RemoteRegistry, line: WeakLine, tmp_path: Path, client_home: Path
) -> None:
    source = write_bundle(tmp_path, "KilledPull", model=os.urandom(4 * MIB))
    register(registry, source)
    home = client_home / "killed"
    line.down.holds_at = 3 * MIB
    process = start_client("pull", line, "KilledPull:1", home)
    assert line.holds.wait(60)
    wait_for_bytes(home, 3 * MIB - OVERHEAD_BYTES)
    process.kill()
    process.communicate()
    line.release()
    assert [entry.name for entry in home.iterdir() if not entry.name.startswith(".") and entry.is_dir()] == []

    line.start_again()
    directory = finished(start_client("pull", line, "KilledPull:1", home))
    assert line.down.passed_bytes < MIB + OVERHEAD_BYTES
    assert read_tree(Path(directory), verify=True) == read_tree(source)
    assert list((home / ".partial").iterdir()) == []
    assert list((home / ".staging").iterdir()) == []


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_client_that_is_interrupted_while_the_line_is_silent_ends_at_once(
    registry: RemoteRegistry, line: WeakLine, tmp_path: Path, client_home: Path, verb: str
) -> None:
    """Long before the limit on silence."""
    source = write_bundle(tmp_path, f"Interrupted{verb}", model=os.urandom(4 * MIB))
    if verb == "pull":
        register(registry, source)
    getattr(line, "up" if verb == "push" else "down").holds_at = 2 * MIB
    process = start_client(verb, line, source if verb == "push" else f"Interrupted{verb}:1", client_home)
    assert line.holds.wait(60)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert stderr.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_transfer_when_the_server_is_killed_waits_for_the_next_one(tmp_path: Path, verb: str) -> None:
    """The client never notices more than a pause."""
    home, source = tmp_path / "server", write_bundle(tmp_path, model=os.urandom(4 * MIB))
    with live_registry(home) as first, weak_line(first.port) as line:
        registry = opened(line, tmp_path / "client")
        if verb == "pull":
            bento = register(registry, source)
        way = line.up if verb == "push" else line.down
        way.holds_at = way.passed_bytes + 3 * MIB
        made: list[Bento] = []

        def work() -> None:
            if verb == "push":
                made.append(register(registry, source))
            else:
                with registry.reading(bento) as directory:
                    assert read_tree(directory, verify=True) == read_tree(source)
                made.append(bento)

        working = threading.Thread(target=work)
        working.start()
        assert line.holds.wait(60)
        wait_for_bytes(home if verb == "push" else tmp_path / "client", 2 * MIB)
        first.stop(signal.SIGKILL)
        before = way.passed_bytes
        with live_registry(home) as second:
            line.target_port = second.port
            line.release()
            working.join(60)
            assert not working.is_alive()
            assert registry.tree(made[0]) == read_tree(source)
            # What had come is on disk, but for the last portion of it.
            assert way.passed_bytes - before < 2 * MIB + OVERHEAD_BYTES
