from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.open_loop import Generator, Plan, Tally, percentile, report

ROOT = Path(__file__).resolve().parents[2]
PLAN = Plan(
    port=0, path="/", rate=400, duration_s=0.5, deadline_s=60, connections=16, window_s=0.25, seed=3
)  # fmt: skip


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 3.0, 5.0, 5.0]
    assert percentile([], 0.5) is None


def test_report_counts_rates_per_second_and_leaves_out_what_did_not_happen() -> None:
    tally = Tally(Counter(good=100, status_429=50, late=0), Counter({0: 25, 1: 75}), [0.001, 0.002], [0.0])
    reported = report(PLAN, tally)
    assert (reported["offered_rate"], reported["goodput"]) == (300.0, 200.0)
    assert reported["goodput_by_window"] == [100.0, 300.0]
    assert reported["outcomes"] == {"good": 100, "status_429": 50}
    assert (reported["p50_ms"], reported["max_ms"]) == (2.0, 2.0)


class Server:
    """Answers requests for flowers as told: by the number of the request, status and body."""

    def __init__(self, answers: Any) -> None:
        self._answers = answers
        self._count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                (row,) = json.loads(await reader.readexactly(length))
                label = {5.1: 0, 5.9: 1, 6.9: 2}[row[0]]
                self._count += 1
                status, body = self._answers(self._count, label)
                if status is None:
                    break
                content = json.dumps(body).encode()
                # In two pieces, as a network may deliver it.
                writer.write(f"HTTP/1.1 {status} Word\r\nContent-Le".encode())
                await writer.drain()
                writer.write(f"ngth: {len(content)}\r\n\r\n".encode() + content)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


async def run_against(answers: Any) -> Tally:
    server = await asyncio.start_server(Server(answers).serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await Generator(Plan(**{**vars(PLAN), "port": port})).run()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param(lambda count, label: (200, [label]), "good", id="right"),
        pytest.param(lambda count, label: (200, [label + 1]), "wrong", id="wrong"),
        pytest.param(lambda count, label: (429, "no"), "status_429", id="refused"),
        pytest.param(lambda count, label: (None, None), "lost", id="connection closed"),
    ],
)
def test_generator_gives_every_request_its_outcome(answers: Any, expected: str) -> None:
    tally = asyncio.run(run_against(answers))
    assert set(+tally.outcomes) == {expected}
    assert 100 < tally.outcomes[expected] < 300, "about 200 are due"
    assert len(tally.lags_s) == tally.outcomes[expected]


def test_generator_sends_the_same_arrivals_for_a_seed() -> None:
    def answers(count: int, label: int) -> tuple[int, Any]:
        return (200, [label]) if count % 2 else (503, "busy")

    first, second = (asyncio.run(run_against(answers)) for _ in range(2))
    assert first.outcomes == second.outcomes
    assert math.isclose(first.outcomes["good"], first.outcomes["status_503"], abs_tol=1)
    assert sum(first.good_by_window.values()) == first.outcomes["good"]


def test_generator_without_a_server_says_that_nothing_was_sent() -> None:
    argv = [sys.executable, "-m", "benchmarks.open_loop", "--port", "1", "--rate", "50", "--duration-s", "0.2"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no connection to 127.0.0.1:1" in done.stderr
