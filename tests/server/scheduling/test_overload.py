"""A real server with more requests than it can answer in time: what is refused, and how."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.server.live import LiveServer, live_server, save_bundle

SERVICE = """
import time

import bentoml
from bentoml.adapters import JsonInput


class Slow(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency=1500, mb_max_batch_size=10)
    def double(self, numbers):
        time.sleep(0.2)
        return [2 * number for number in numbers]

    @bentoml.api(input=JsonInput(), batch=True)
    def patient(self, numbers):
        time.sleep(0.2 + 0.01 * len(numbers))
        return [2 * number for number in numbers]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    bundle = save_bundle(tmp_path_factory.mktemp("slow"), SERVICE, class_name="Slow")
    with live_server(bundle, home=tmp_path_factory.mktemp("server-home")) as running:
        yield running


async def ask(port: int, path: str, number: int, *headers: str) -> tuple[int, bytes, bytes]:
    """Status, head and body of one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = str(number)
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "Connection: close", *headers]
    writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), head, content


def ask_at_once(server: LiveServer, path: str, count: int, *headers: str) -> list[tuple[int, bytes, bytes]]:
    async def all_of_them() -> list[tuple[int, bytes, bytes]]:
        return await asyncio.gather(*(ask(server.port, path, number, *headers) for number in range(count)))

    return asyncio.run(all_of_them())


def metric(server: LiveServer, start: str) -> float:
    lines = server.client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))


def test_cold_server_answers_everything_that_it_can_finish(server: LiveServer) -> None:
    answers = ask_at_once(server, "/patient", 50)
    assert [(status, body) for status, _, body in answers] == [(200, b"%d" % (2 * number)) for number in range(50)]


def test_overload_is_refused_at_arrival_with_the_time_to_wait(server: LiveServer) -> None:
    for number in range(6):
        assert server.client.post("/double", json=number).json() == 2 * number
    answers = ask_at_once(server, "/double", 300)
    assert len(answers) == 300
    refused = [head.lower() for status, head, _ in answers if status == 429]
    # Within 1.5 s there is time for 7 batches of 10.
    assert refused
    for number, (status, _, body) in enumerate(answers):
        assert status in {200, 408, 429}
        assert status != 200 or body == b"%d" % (2 * number)
    waits = {int(head.partition(b"retry-after: ")[2].split(b"\r\n")[0]) for head in refused}
    assert all(1 <= wait_s <= 10 for wait_s in waits)
    assert metric(server, 'BENTOML_Slow_refused_total{endpoint="double",reason="too_late"}') > 0
    assert metric(server, 'BENTOML_Slow_mb_batch_cost_level_seconds{endpoint="double"}') > 0.1
    assert metric(server, 'BENTOML_Slow_mb_batch_compute_seconds_count{endpoint="double"}') >= 7
    assert metric(server, 'BENTOML_Slow_queue_depth{endpoint="double"}') == 0


def test_client_that_waits_for_less_than_a_batch_takes_gets_408_when_a_worker_is_free(server: LiveServer) -> None:
    ((status, _, body),) = ask_at_once(server, "/patient", 1, "X-Request-Timeout-Ms: 20")
    assert (status, body) == (408, b"Request timeout")


def test_server_answers_again_after_the_overload(server: LiveServer) -> None:
    assert server.client.post("/double", json=21).json() == 42
