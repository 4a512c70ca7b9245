"""Lines of the access log: a line per request and nothing but text, whatever a client sends."""

from __future__ import annotations

import asyncio
import json

import pytest

from bentoml.server.logs.access_line import MAX_PATH, OtherTarget, as_text
from bentoml.server.logs.access_log import AccessLog
from bentoml.server.logs.log_pipe import LogPipe

NOW_S = 1767323045.678


class KeptPipe(LogPipe):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, int]] = []
        self.has_sent = asyncio.Event()

    def send(self, channel: str, lines: bytes, count: int) -> None:
        self.sent.append((channel, lines.decode("utf-8"), count))
        self.has_sent.set()


def line_of(target: OtherTarget, *, as_json: bool = False, client: str = "127.0.0.1", request_id: str = "id") -> str:
    loop, pipe = asyncio.new_event_loop(), KeptPipe()
    log = AccessLog(pipe, loop, as_json=as_json, clock=lambda: NOW_S)
    log.add(target, client, request_id, 200, 3, 0.00123456)
    log.flush()
    loop.close()
    ((channel, lines, count),) = pipe.sent
    assert (channel, count) == ("bentoml.access", 1)
    assert lines.endswith("\n")
    assert lines.count("\n") == 1
    return lines[:-1]


def test_line_of_text() -> None:
    line = line_of(OtherTarget("POST", "/predict"))
    assert line == '2026-01-02T03:04:05.678Z 127.0.0.1 "POST /predict" 200 3 1.23 id'


def test_line_of_json() -> None:
    line = line_of(OtherTarget("POST", "/predict"), as_json=True, client="", request_id='a"\\b')
    assert json.loads(line) == {
        "time": "2026-01-02T03:04:05.678Z",
        "client": "-",
        "method": "POST",
        "path": "/predict",
        "status": 200,
        "bytes": 3,
        "ms": 1.23,
        "request_id": 'a"\\b',
    }
    assert as_text(json.loads(line)) == '2026-01-02T03:04:05.678Z - "POST /predict" 200 3 1.23 a"\\b'


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        pytest.param("/a\r\nb", r"/a\r\nb", id="line break"),
        pytest.param("/\x1b[31mred\x00\x7f\x85", r"/\x1b[31mred\x00\x7f\x85", id="terminal"),
        pytest.param("/\u2028\u2029\u202e\u200b\ufeff", r"/\u2028\u2029\u202e\u200b\ufeff", id="unseen"),
        pytest.param('/" 200 "', r"/\" 200 \"", id="quote"),
        pytest.param("/\\n", r"/\\n", id="backslash"),
        pytest.param("/\udcff\ud800", r"/\udcff\ud800", id="surrogates"),
        pytest.param("/caf\u00e9 \u6f22", "/caf\u00e9 \u6f22", id="letters"),
        pytest.param("/" + "x" * MAX_PATH, "/" + "x" * (MAX_PATH - 1) + "...", id="long"),
    ],
)
def test_path_that_a_client_made_up_stays_in_its_place(path: str, shown: str) -> None:
    line = line_of(OtherTarget("GET", path))
    assert line == f'2026-01-02T03:04:05.678Z 127.0.0.1 "GET {shown}" 200 3 1.23 id'
    assert line.isprintable()
    as_json = line_of(OtherTarget("GET", path), as_json=True)
    assert as_json.isascii()
    assert as_json.isprintable()
    assert as_text(json.loads(as_json)) == line


def test_requests_of_a_moment_are_sent_together() -> None:
    pipe = KeptPipe()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        log = AccessLog(pipe, loop, as_json=False)
        target = OtherTarget("GET", "/")
        for number in range(5):
            log.add(target, "::1", str(number), 200, 0, 0.0)
        assert pipe.sent == []
        await asyncio.wait_for(pipe.has_sent.wait(), 10)
        log.flush()
        log.add(target, "::1", "5", 200, 0, 0.0)
        log.flush()

    asyncio.run(run())
    assert [count for _, _, count in pipe.sent] == [5, 1]
    assert [line.split()[-1] for line in pipe.sent[0][1].splitlines()] == ["0", "1", "2", "3", "4"]
