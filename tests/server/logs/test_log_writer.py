"""The one writer: lines of many processes, whole and complete, also when a process is killed or a file is rotated."""

from __future__ import annotations

import json
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bentoml._util.log_handlers import ConsoleHandler, LineFileHandler
from bentoml.server.logs.log_frames import CHANNELS, LOGGERS, pack
from bentoml.server.logs.log_pipe import LogPipe
from bentoml.server.logs.log_writer import LogWriter

SENDER = """
import pathlib, sys
from bentoml.server.logs.log_pipe import LogPipe
pipe = LogPipe(pathlib.Path(sys.argv[1]))
name, blocks = sys.argv[2], int(sys.argv[3])
print("begun", flush=True)
number = 0
while number < blocks:
    lines = b"".join(b"%b %06d %06d %b\\n" % (name.encode(), number, at, b"x" * (at % 97)) for at in range(20))
    pipe.send("bentoml.prediction", lines, 20)
    number += 1
    if number % 50 == 0:
        assert pipe.flush(30)
assert pipe.flush(30)
assert not pipe.dropped
"""


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Loggers without handlers, and as they were before afterwards."""
    before = [(logging.getLogger(name), list(logging.getLogger(name).handlers)) for name in LOGGERS]
    states = [(logger.level, logger.propagate) for logger, _ in before]
    for logger, _ in before:
        logger.handlers = []
        logger.propagate = False
        logger.setLevel(logging.INFO)
    yield
    for (logger, handlers), (level, propagate) in zip(before, states, strict=True):
        for handler in logger.handlers:
            handler.close()
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("w") / "s"


def ignore(_: dict[str, int]) -> None:
    """Nobody wants to know."""


def until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)  # between looks at the real thing, under a deadline


def written(path: Path) -> list[str]:
    """All lines of a file and of those before it, the oldest first."""
    old = sorted(path.parent.glob(f"{path.name}.*"), key=lambda each: -int(each.suffix[1:]))
    return "".join(each.read_text(encoding="utf-8") for each in [*old, path]).split("\n")[:-1]


def test_lines_of_many_processes_are_whole_and_complete_over_rotations_and_a_kill(place: Path, tmp_path: Path) -> None:
    handler = LineFileHandler(tmp_path / "p.log", max_bytes=50_000, count=500)
    logging.getLogger("bentoml.prediction").handlers = [handler]
    writer = LogWriter(place, ignore)
    blocks = {"a": 300, "b": 300, "c": 300, "killed": 10_000_000}
    processes = {
        name: subprocess.Popen([sys.executable, "-c", SENDER, str(place), name, str(count)], stdout=subprocess.PIPE)
        for name, count in blocks.items()
    }
    try:
        output = processes["killed"].stdout
        assert output is not None
        assert output.readline() == b"begun\n"
        until(lambda: len(list(tmp_path.iterdir())) > 10)
        processes["killed"].send_signal(signal.SIGKILL)
        for name, process in processes.items():
            process.communicate(timeout=60)
            assert process.returncode == (-signal.SIGKILL if name == "killed" else 0)
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
        writer.close()
    lines = written(tmp_path / "p.log")
    seen: dict[str, list[tuple[int, int]]] = {name: [] for name in blocks}
    for line in lines:
        name, block, at, filling = line.split(" ")
        assert filling == "x" * (int(at) % 97)
        seen[name].append((int(block), int(at)))
    for name in "abc":
        assert seen[name] == [(block, at) for block in range(300) for at in range(20)]
    # What was killed has sent all up to some block, and of that some lines; the rest of it is counted.
    killed = seen["killed"]
    assert killed == [(number // 20, number % 20) for number in range(len(killed))]
    assert writer.dropped()["bentoml.prediction"] == -len(killed) % 20


def test_records_go_to_the_handlers_of_this_process(place: Path, tmp_path: Path) -> None:
    handler = LineFileHandler(tmp_path / "active.log", 10_000, 1)
    handler.setFormatter(logging.Formatter("{%(filename)s:%(lineno)d} %(levelname)s - %(message)s"))
    logging.getLogger("bentoml").handlers = [handler]
    writer = LogWriter(place, ignore)
    pipe = LogPipe(place)
    for name in ("bentoml.server.worker", "uvicorn.error"):
        made = {"name": name, "msg": f"from {name}", "levelname": "INFO", "filename": "x.py", "lineno": 3}
        assert pipe.send_record(logging.makeLogRecord(made))
    assert pipe.flush()
    writer.close()
    assert (tmp_path / "active.log").read_text(encoding="utf-8").splitlines() == [
        "{x.py:3} INFO - from bentoml.server.worker",
        "{x.py:3} INFO - from uvicorn.error",
    ]


def test_console_gets_a_copy_in_the_order_of_the_lines(
    place: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    console = ConsoleHandler("stdout")
    console.setFormatter(logging.Formatter("%(levelname)s - %(message)s"))
    logging.getLogger("bentoml").handlers = [console]
    file = LineFileHandler(tmp_path / "p.log", 10_000, 1)
    logging.getLogger("bentoml.prediction").handlers = [file, console]
    writer = LogWriter(place, ignore)
    pipe = LogPipe(place)
    assert pipe.send_record(logging.makeLogRecord({"name": "bentoml", "msg": "first", "levelname": "INFO"}))
    pipe.send("bentoml.prediction", b'{"second": 2}\n', 1)
    pipe.send("bentoml.access", b"nowhere\n", 1)
    assert pipe.flush()
    writer.close()
    assert capfd.readouterr().out == 'INFO - first\n{"second": 2}\n'
    assert (tmp_path / "p.log").read_bytes() == b'{"second": 2}\n'
    assert console.outlet is None


def test_dropped_lines_are_told(place: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").write_bytes(b"")
    logging.getLogger("bentoml.access").handlers = [LineFileHandler(tmp_path / "logs" / "a.log", 100, 1)]
    logging.getLogger("bentoml").handlers = [logging.NullHandler()]
    told: list[dict[str, int]] = []
    writer = LogWriter(place, told.append)
    pipe = LogPipe(place)
    pipe.send("bentoml.access", b"a\nb\n", 2)
    pipe._drop("bentoml.prediction", 7)
    pipe.send("bentoml.access", b"c\n", 1)
    until(lambda: bool(told) and told[-1]["bentoml.access"] == 3 and told[-1]["bentoml.prediction"] == 7)
    writer.close()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="http"),
        pytest.param(pack(99, 1, b"a\n"), id="unknown kind"),
        pytest.param(pack(CHANNELS["bentoml.prediction"], 1, b"no end"), id="no whole line"),
        pytest.param(pack(1, 1, b"\x80\x04N."), id="pickle"),
        pytest.param(b"\xff" * 12, id="too large"),
    ],
)
def test_nonsense_costs_its_sender_the_connection_and_nobody_else(place: Path, tmp_path: Path, data: bytes) -> None:
    logging.getLogger("bentoml").handlers = [logging.NullHandler()]
    logging.getLogger("bentoml.prediction").handlers = [LineFileHandler(tmp_path / "p.log", 1000, 1)]
    writer = LogWriter(place, ignore)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(place))
        sock.sendall(data)
        assert sock.recv(1) == b""
    pipe = LogPipe(place)
    pipe.send("bentoml.prediction", b"there\n", 1)
    assert pipe.flush()
    writer.close()
    assert (tmp_path / "p.log").read_bytes() == b"there\n"


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_lines_become_records_for_handlers_of_the_user(place: Path) -> None:
    kept = Kept()
    for name in ("bentoml.access", "bentoml.prediction"):
        logging.getLogger(name).handlers = [kept]
    line = {
        "time": "2026-01-02T03:04:05.678Z",
        "client": "::1",
        "method": "GET",
        "path": '/a"b\n',
        "status": 200,
        "bytes": 3,
        "ms": 1.5,
        "request_id": "id",
    }
    writer = LogWriter(place, ignore, is_advanced=True)
    pipe = LogPipe(place)
    pipe.send("bentoml.access", f"{json.dumps(line)}\n".encode(), 1)
    pipe.send("bentoml.prediction", b'{"a": 1}\n{"a": 2}\n', 2)
    assert pipe.flush()
    writer.close()
    access, *predictions = kept.records
    assert access.getMessage() == '2026-01-02T03:04:05.678Z ::1 "GET /a\\"b\\n" 200 3 1.50 id'
    assert vars(access)["data"] == line
    assert (access.name, access.levelname) == ("bentoml.access", "INFO")
    assert [record.getMessage() for record in predictions] == ['{"a": 1}', '{"a": 2}']
    assert [vars(record)["data"] for record in predictions] == [{"a": 1}, {"a": 2}]


def test_handler_of_the_user_that_fails_stops_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Failing(Kept):
        def handle(self, record: logging.LogRecord) -> bool:
            if record.getMessage() == '{"a": 1}':
                raise RuntimeError("not today")
            return bool(super().handle(record))

    failing = Failing()
    logging.getLogger("bentoml.prediction").handlers = [failing]
    writer = LogWriter(place, ignore, is_advanced=True)
    pipe = LogPipe(place)
    pipe.send("bentoml.prediction", b'{"a": 1}\n{"a": 2}\n', 2)
    assert pipe.flush()
    writer.close()
    assert [record.getMessage() for record in failing.records] == ['{"a": 2}']
    assert "not today" in capsys.readouterr().err
