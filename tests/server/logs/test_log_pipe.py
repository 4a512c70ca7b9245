"""The sending end of the log socket: it never waits, what it drops is counted, and nothing else is lost."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from bentoml.server.logs.log_frames import (
    CHANNEL_OF,
    DROPPED,
    MAX_CONTENT_BYTES,
    RECORD,
    FrameReader,
    decode_counts,
    decode_record,
)
from bentoml.server.logs.log_pipe import LogPipe, PipeHandler


class Listener:
    """The other end, which reads when it is told to."""

    def __init__(self, path: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.listener.settimeout(10)
        self.lines: list[bytes] = []
        self.records: list[logging.LogRecord] = []
        self.dropped: dict[str, int] = {}

    def read_to_the_end(self) -> None:
        """All that one connection brings."""
        sock, _ = self.listener.accept()
        reader = FrameReader()
        with sock:
            while data := sock.recv(1 << 16):
                for kind, _, content in reader.feed(data):
                    if kind in CHANNEL_OF:
                        self.lines += content.split(b"\n")[:-1]
                    elif kind == RECORD:
                        self.records.append(decode_record(content))
                    else:
                        assert kind == DROPPED
                        for name, count in decode_counts(content).items():
                            self.dropped[name] = self.dropped.get(name, 0) + count


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The path of a socket has to be short.
    return tmp_path_factory.mktemp("w") / "s"


@pytest.fixture
def listener(path: Path) -> Iterator[Listener]:
    made = Listener(path)
    yield made
    made.listener.close()


def hang_up(pipe: LogPipe) -> None:
    assert pipe.flush(10)
    assert pipe._sock is not None
    pipe._sock.close()


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)  # between looks at the real thing, under a deadline


def test_lines_and_records_arrive_in_order(path: Path, listener: Listener) -> None:
    pipe = LogPipe(path)
    pipe.send("bentoml.prediction", b"a\nb\n", 2)
    assert pipe.send_record(logging.makeLogRecord({"name": "bentoml.x", "msg": "said"}))
    pipe.send("bentoml.feedback", b"c\n", 1)
    hang_up(pipe)
    listener.read_to_the_end()
    assert listener.lines == [b"a", b"b", b"c"]
    assert [record.getMessage() for record in listener.records] == ["said"]
    assert pipe.dropped == {}


def test_unknown_channel_is_an_error(path: Path) -> None:
    with pytest.raises(KeyError):
        LogPipe(path).send("bentoml.other", b"a\n", 1)


def test_writer_that_does_not_read_costs_counted_lines_and_no_time(path: Path, listener: Listener) -> None:
    pipe = LogPipe(path, backlog_bytes=200_000)
    block = b"x" * 99 + b"\n"
    began_s = time.monotonic()
    for _ in range(20_000):
        pipe.send("bentoml.access", block, 1)
    assert time.monotonic() - began_s < 5
    assert pipe.dropped["bentoml.access"] > 1000
    reading = Thread(target=listener.read_to_the_end)
    reading.start()
    assert pipe.flush(10)
    until(lambda: pipe._flusher is None)
    pipe.send("bentoml.access", b"last\n", 1)
    hang_up(pipe)
    reading.join(10)
    assert len(listener.lines) + pipe.dropped["bentoml.access"] == 20_001
    assert set(listener.lines) == {block[:-1], b"last"}
    assert listener.lines[-1] == b"last"
    # The writer is told, and so is whoever reads the log.
    assert listener.dropped == pipe.dropped


def test_many_threads_send_whole_blocks(path: Path, listener: Listener) -> None:
    pipe = LogPipe(path)
    reading = Thread(target=listener.read_to_the_end)
    reading.start()

    def send(number: int) -> None:
        for count in range(300):
            pipe.send("bentoml.prediction", b"%d-%d-%b\n" % (number, count, b"x" * 500) * 3, 3)

    threads = [Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hang_up(pipe)
    reading.join(10)
    assert len(listener.lines) + sum(pipe.dropped.values()) == 6 * 300 * 3
    assert all(line.endswith(b"x" * 500) for line in listener.lines)
    for number in range(6):
        counts = [int(line.split(b"-")[1]) for line in listener.lines if line.startswith(b"%d-" % number)]
        assert counts == sorted(counts)


def test_block_that_is_larger_than_the_backlog_is_sent_in_pieces(path: Path, listener: Listener) -> None:
    pipe = LogPipe(path)
    reading = Thread(target=listener.read_to_the_end)
    reading.start()
    lines = b"".join(b"%06d-%b\n" % (number, b"x" * 1000) for number in range(5000))
    pipe.send("bentoml.prediction", lines, 5000)
    hang_up(pipe)
    reading.join(10)
    assert len(listener.lines) + pipe.dropped.get("bentoml.prediction", 0) == 5000
    assert listener.lines[0].startswith(b"000000-")


def test_line_that_is_larger_than_the_backlog_is_sent_when_nothing_waits(path: Path, listener: Listener) -> None:
    pipe = LogPipe(path, backlog_bytes=100_000)
    line = b"x" * 10_000_000 + b"\n"
    pipe.send("bentoml.feedback", line, 1)
    pipe.send("bentoml.feedback", line, 1)  # the first one is still on its way
    assert pipe.dropped == {"bentoml.feedback": 1}
    reading = Thread(target=listener.read_to_the_end)
    reading.start()
    assert pipe.flush(10)
    hang_up(pipe)
    reading.join(10)
    assert listener.lines == [line[:-1]]


def test_line_that_no_writer_would_take_is_dropped(path: Path, listener: Listener) -> None:
    pipe = LogPipe(path)
    pipe.send("bentoml.feedback", b"%b\n" % bytes(MAX_CONTENT_BYTES), 1)
    assert pipe.dropped == {"bentoml.feedback": 1}


def test_handler_without_a_writer_says_it_on_stderr(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = PipeHandler(LogPipe(path))
    handler.handle(logging.makeLogRecord({"name": "bentoml", "msg": "alone", "levelname": "WARNING"}))
    err = capsys.readouterr().err
    assert err.endswith("WARNING - alone\n")
    assert err.startswith("[")


def test_writer_that_goes_away_and_comes_back_is_found(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now_s = 0.0
    pipe = LogPipe(path, clock=lambda: now_s)
    first = Listener(path)
    pipe.send("bentoml.access", b"a\n", 1)
    sock, _ = first.listener.accept()
    sock.close()
    first.listener.close()
    path.unlink()
    pipe.send("bentoml.access", b"b\n", 1)
    PipeHandler(pipe).handle(logging.makeLogRecord({"name": "bentoml", "msg": "alone"}))
    assert "alone" in capsys.readouterr().err
    assert pipe.dropped["bentoml.access"] == 1
    second = Listener(path)
    now_s = 5.0
    pipe.send("bentoml.access", b"c\n", 1)
    hang_up(pipe)
    second.read_to_the_end()
    second.listener.close()
    assert second.lines == [b"c"]


def test_record_on_the_way_of_two_loggers_is_sent_once(path: Path, listener: Listener) -> None:
    pipe = LogPipe(path)
    handler = PipeHandler(pipe)
    record = logging.makeLogRecord({"name": "bentoml", "msg": "once"})
    handler.handle(record)
    handler.handle(record)
    hang_up(pipe)
    listener.read_to_the_end()
    assert len(listener.records) == 1


def test_forked_process_connects_anew(path: Path, listener: Listener) -> None:
    pipe = LogPipe(path)
    pipe.send("bentoml.prediction", b"parent\n", 1)
    pid = os.fork()
    if pid == 0:
        pipe.send("bentoml.prediction", b"child\n", 1)
        os._exit(0 if pipe.flush(5) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    hang_up(pipe)
    for _ in range(2):
        listener.read_to_the_end()
    assert listener.lines == [b"parent", b"child"]
