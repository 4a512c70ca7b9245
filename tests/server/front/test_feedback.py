"""`POST /feedback`, as an ASGI application and without a worker."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from bentoml.server.front import feedback as feedback_module
from bentoml.server.front.app import create_app
from bentoml.server.front.bundle_view import BundleView
from bentoml.server.front.feedback import MAX_READ_HERE_BYTES, Feedback
from bentoml.server.front.feedback_record import MISSING_ID, PARSE_ERROR
from bentoml.server.http.arriving import Arriving
from bentoml.server.metrics.server_metrics import ServerMetrics
from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata
from tests.server.asgi_client import Answer, AsgiClient
from tests.server.server_options import server_options

DOCUMENT: dict[str, dict[str, object]] = {"paths": {"/healthz": {}, "/metrics": {}, "/feedback": {}, "/predict": {}}}


class Ready:
    ready = True
    reason = ""


class Site:
    """An application, and the feedback that it has taken."""

    def __init__(
        self,
        *,
        enabled: bool = True,
        max_size_bytes: int = 1 << 20,
        room_bytes: int = 1 << 24,
        pages: Path | None = None,
        inference_paths: tuple[str, ...] = (),
        is_public: bool = False,
    ) -> None:
        metadata = BentoServiceMetadata("Iris", "1.0", apis=(ApiMetadata("predict", "JsonInput"),))
        view = BundleView(metadata, b"{}", json.dumps(DOCUMENT).encode(), "", pages)
        self.arriving = Arriving(room_bytes)
        self.sent: list[tuple[str, bytes, int]] = []
        self.metrics = ServerMetrics("BENTOML", "Iris", "1.0")
        options = replace(server_options(), feedback_enabled=enabled)
        feedback = Feedback(view, max_size_bytes, self.arriving, lambda *sent: self.sent.append(sent))
        self.app = create_app(
            view,
            options,
            Ready(),
            self.metrics,
            _inference,
            inference_paths,
            feedback if enabled else None,
            is_public=is_public,
        )
        self.client = AsgiClient(self.app)

    def post(self, *chunks: bytes, headers: dict[str, str] | None = None) -> Answer:
        return self.client.request("POST", "/feedback", headers, chunks=chunks)


async def _inference(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the API"})


def test_feedback_is_written_with_the_names_of_the_service() -> None:
    site = Site()
    answer = site.post(b'{"request_id": "a", ', b'"label": "iris"}')
    assert (answer.status_code, answer.text) == (200, "success")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    ((channel, line, count),) = site.sent
    assert (channel, count, line[-1:]) == ("bentoml.feedback", 1, b"\n")
    assert json.loads(line) == {
        "request_id": "a",
        "label": "iris",
        "service_name": "Iris",
        "service_version": "1.0",
    }
    assert site.arriving.size_bytes == 0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", PARSE_ERROR),
        (b"{", PARSE_ERROR),
        (b"[" * 60_000, PARSE_ERROR),
        (b"[1]", PARSE_ERROR),
        (b'{"a": 1}', MISSING_ID),
        (b'{"a": "' + b"x" * MAX_READ_HERE_BYTES, PARSE_ERROR),
        (b'{"a": "' + b"x" * MAX_READ_HERE_BYTES + b'"}', MISSING_ID),
    ],
    ids=["empty", "broken", "deep", "array", "no-id", "large-broken", "large-no-id"],
)
def test_what_is_no_feedback_is_answered_400_and_not_written(body: bytes, text: str) -> None:
    site = Site()
    answer = site.post(body)
    assert (answer.status_code, answer.text) == (400, text)
    assert site.sent == []
    assert site.arriving.size_bytes == 0


def test_large_feedback_is_read_in_a_process_of_its_own_while_others_are_answered() -> None:
    site = Site()
    body = json.dumps({"request_id": "a", "note": "ü" * MAX_READ_HERE_BYTES}).encode()

    async def run() -> tuple[Answer, bool]:
        large = asyncio.ensure_future(site.client.send("POST", "/feedback", chunks=(body,)))
        health = await site.client.send("GET", "/healthz")
        assert health.status_code == 200
        was_first = not large.done()
        return await large, was_first

    answer, was_first = asyncio.run(run())
    assert (answer.status_code, answer.text, was_first) == (200, "success", True)
    assert json.loads(site.sent[0][1])["note"] == "ü" * MAX_READ_HERE_BYTES


def test_large_feedback_that_too_much_waits_for_is_429(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_module, "MAX_WAITING", 1)
    site = Site()
    body = json.dumps({"request_id": "a", "note": "x" * MAX_READ_HERE_BYTES}).encode()

    async def run() -> list[Answer]:
        posts = [site.client.send("POST", "/feedback", chunks=(body,)) for _ in range(3)]
        return [*await asyncio.gather(*posts), await site.client.send("POST", "/feedback", chunks=(body,))]

    answers = asyncio.run(run())
    # One is read, one waits; when they are done, there is room again.
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert len(site.sent) == 3
    assert site.arriving.size_bytes == 0


@pytest.mark.parametrize("declared", [None, "11"], ids=["counted", "declared"])
def test_feedback_over_the_limit_is_413(declared: str | None) -> None:
    site = Site(max_size_bytes=10)
    headers = {} if declared is None else {"content-length": declared}
    answer = site.post(b'{"a": ', b"12345}", headers=headers)
    assert (answer.status_code, answer.text) == (413, "Request body is too large")
    assert site.sent == []
    assert site.arriving.size_bytes == 0


def test_feedback_without_room_for_arriving_bodies_is_429() -> None:
    site = Site(room_bytes=10)
    answer = site.post(b'{"request_id": 1}')
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert site.arriving.size_bytes == 0


def test_client_that_leaves_in_the_middle_is_counted_and_nothing_is_written(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()

    async def run() -> None:
        messages: list[Message] = [
            {"type": "http.request", "body": b'{"request_id"', "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            """Nobody reads it."""

        await site.app(site.client.scope("POST", "/feedback", {}), receive, send)

    asyncio.run(run())
    assert site.sent == []
    assert site.arriving.size_bytes == 0
    assert _count(site.metrics, 499) == 1
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_other_methods_are_405_as_on_other_own_paths(method: str) -> None:
    answer = Site().client.request(method, "/feedback")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


def test_options_names_the_methods() -> None:
    answer = Site().client.request("OPTIONS", "/feedback")
    assert (answer.status_code, answer.headers["allow"]) == (200, "OPTIONS, POST")


def test_feedback_when_disabled_is_404_and_out_of_the_document() -> None:
    site = Site(enabled=False)
    answer = site.post(b'{"request_id": 1}')
    assert (answer.status_code, answer.text) == (404, "Feedback is disabled")
    assert list(site.client.get("/docs.json").json()["paths"]) == ["/healthz", "/metrics", "/predict"]
    assert list(Site().client.get("/docs.json").json()["paths"]) == list(DOCUMENT["paths"])


def test_feedback_stays_on_the_public_port() -> None:
    site = Site(is_public=True)
    assert site.post(b'{"request_id": 1}').text == "success"
    assert _count(site.metrics, 200) == 1
    assert site.client.get("/docs.json").status_code == 404


def test_feedback_is_counted_under_its_path() -> None:
    site = Site()
    site.post(b'{"request_id": 1}')
    site.post(b"{")
    assert (_count(site.metrics, 200), _count(site.metrics, 400)) == (1, 1)


def test_post_is_ours_also_where_an_api_has_the_path(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("bentoml").propagate = True
    site = Site(inference_paths=("/feedback",))
    assert site.post(b'{"request_id": 1}').text == "success"
    assert site.client.get("/feedback").text == "the API"
    assert "POST /feedback is answered by the server itself" in caplog.text


def test_page_of_the_user_under_that_path_is_still_shown(tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("tell us")
    site = Site(pages=tmp_path)
    assert site.client.get("/feedback").text == "tell us"
    assert site.post(b'{"request_id": 1}').text == "success"


def _count(metrics: ServerMetrics, status: int) -> float:
    wanted = f'_request_total{{endpoint="/feedback",http_response_code="{status}"'
    lines = [line for line in metrics.render().decode().splitlines() if wanted in line]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0
