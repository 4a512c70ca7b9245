"""What happens at the door of our own endpoints when something goes wrong inside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bentoml.server.front.error_door import ErrorDoor
from bentoml.server.options.serve_options import ServeOptions
from tests.server.asgi_client import Answer, AsgiClient

JSON = {"accept": "application/json", "x-request-id": "id-1"}
SECRET = "the secret of /srv/models"


async def broken(request: Request) -> Response:
    raise RuntimeError(SECRET)


async def broken_late(request: Request) -> Response:
    async def pieces() -> object:
        yield b"half"
        raise RuntimeError(SECRET)

    return StreamingResponse(pieces(), media_type="text/plain")  # type: ignore[arg-type]


async def refused(request: Request) -> Response:
    status = int(request.query_params["status"])
    return PlainTextResponse(request.query_params["text"], status, {"x-mine": "1"})


ROUTES = [Route(f"/{endpoint.__name__}", endpoint, methods=["GET"]) for endpoint in (broken, broken_late, refused)]


def ask(tmp_path: Path, path: str, headers: dict[str, str], **options: bool) -> Answer:
    door = ErrorDoor(Starlette(routes=ROUTES), ServeOptions.from_config(tmp_path, **options))  # type: ignore[arg-type]

    async def at_localhost(scope: Scope, receive: Receive, send: Send) -> None:
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        await door({**scope, "headers": [(b"host", b"localhost"), *others]}, receive, send)

    return AsgiClient(at_localhost).get(path, headers)


@pytest.mark.parametrize("headers", [JSON, {"x-request-id": "id-1"}], ids=["JSON", "text"])
@pytest.mark.parametrize("debug", [False, True])
def test_exception_is_answered_500_and_logged_under_one_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, headers: dict[str, str], debug: bool
) -> None:
    answer = ask(tmp_path, "/broken", headers, debug=debug)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "id-1"
    assert (SECRET in answer.text) is debug
    assert ("Traceback" in answer.text) is debug
    (record,) = caplog.records
    assert record.getMessage() == "Request id-1 (GET '/broken') failed in the server"
    assert record.exc_info is not None
    text = "An error has occurred, find the error details in server logs"
    if headers is JSON:
        error = json.loads(answer.content)["error"]
        assert ("RuntimeError" in error.pop("traceback", "")) is debug
        assert error == {"code": "internal_error", "message": text, "request_id": "id-1"}
    elif not debug:
        assert answer.text == text
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_exception_is_shown_to_nobody_behind_a_proxy(tmp_path: Path) -> None:
    answer = ask(tmp_path, "/broken", {**JSON, "x-forwarded-for": "10.0.0.1"}, debug=True)
    assert SECRET not in answer.text


def test_exception_after_the_beginning_ends_the_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    door = ErrorDoor(Starlette(routes=ROUTES), ServeOptions.from_config(tmp_path))
    with pytest.raises(AssertionError):  # the client finds that the answer has no end
        AsgiClient(door).get("/broken_late")
    assert "failed in the server" in caplog.text


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (404, "gone", "not_found"),
        (405, "not so", "method_not_allowed"),
        (503, "No worker has loaded the bundle yet", "not_ready"),
    ],
)
def test_refusal_takes_the_form_that_the_client_wants(tmp_path: Path, status: int, text: str, code: str) -> None:
    path = f"/refused?status={status}&text={text.replace(' ', '%20')}"
    answer = ask(tmp_path, path, JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json() == {"error": {"code": code, "message": text, "request_id": "id-1"}}
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["x-mine"] == "1"
    assert ask(tmp_path, path, {}).text == text


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, "fine"),
        (400, "Failed parsing feedback JSON data"),
        (408, "Request timeout"),
        (413, "Request body is too large"),
        (429, "429: Too Many Requests"),
        (503, "Service Unavailable"),
    ],
)
def test_body_that_clients_match_on_stays(tmp_path: Path, status: int, text: str) -> None:
    answer = ask(tmp_path, f"/refused?status={status}&text={text.replace(' ', '%20')}", JSON)
    assert (answer.status_code, answer.text) == (status, text)
