"""A worker process: it loads the bundle, and decodes, calls and encodes once per batch.

Frames are read in the event loop. Plain API functions run in one thread of their own, so that the loop stays
responsive; coroutine functions run in the loop, several calls at a time.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import re
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLException
from bentoml.server import wire
from bentoml.server.child import FAILED, FAILED_EXIT_CODE, READY, ChildContext, run_on_fast_loop
from bentoml.server.wire_request import request_of

if TYPE_CHECKING:
    from bentoml.service import BentoService, InferenceAPI
    from bentoml.types import HTTPHeaders, HTTPResponse

logger = logging.getLogger(__name__)

_INTERNAL_ERROR = (
    b"An error has occurred in BentoML user code when handling this request, find the error details in server logs"
)
_TEXT_HEAD = b"content-type: text/plain; charset=utf-8\r\n"
_is_header_name = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_is_header_value = re.compile(rb"[\t\x20-\x7e\x80-\xff]*").fullmatch
# The front writes these itself.
_FRONT_HEADERS = frozenset({"connection", "content-length", "date", "transfer-encoding", "x-request-id"})


def render_head(headers: HTTPHeaders) -> bytes:
    """Response headers as a block of lines; what could not stand in one is left out with a log line."""
    lines: list[bytes] = []
    for name, value in headers.to_json():
        lowered = name.lower()
        if lowered in _FRONT_HEADERS:
            continue
        raw_name, raw_value = lowered.encode("latin-1", "replace"), value.encode("utf-8")
        if _is_header_name(raw_name) and _is_header_value(raw_value):
            lines.append(b"%b: %b\r\n" % (raw_name, raw_value))
        else:
            logger.error("The response header %r was left out: its name or value cannot be sent", name)
    return b"".join(lines)


def encode_answer(response: HTTPResponse) -> tuple[int, bytes, bytes]:
    """(status, head, body) of one response."""
    if not 200 <= response.status <= 599:
        logger.error("The response status %r is not one of HTTP; sent 500 instead", response.status)
        return 500, _TEXT_HEAD, _INTERNAL_ERROR
    return response.status, render_head(response.headers), response.body


class Worker:
    """Runs the calls that the front sends.

    Args:
        service: the loaded service.
        loop: the running event loop.
    """

    def __init__(self, service: BentoService, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._apis: dict[str, InferenceAPI] = {api.name: api for api in service.inference_apis}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inference")
        self._tasks: set[asyncio.Task[None]] = set()
        self.ended = loop.create_future()

    def facts(self) -> list[list[Any]]:
        """What the front wants to know of each API."""
        return [[api.name, api.route, list(api.methods), api.is_async] for api in self._apis.values()]

    def on_frame(self, protocol: wire.FrameProtocol, payload: bytes) -> None:
        """The front has sent a batch."""
        message = wire.unpack(payload)
        if message[0] != wire.CALL:
            raise ValueError(f"unknown frame kind {message[0]!r}")
        _, batch_id, api_name, items = message
        api = self._apis[api_name]
        if api.is_async:
            task = self._loop.create_task(self._run_concurrently(protocol, api, batch_id, items))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._thread.submit(self._run_plainly, protocol, api, batch_id, items)

    def on_lost(self, _protocol: wire.FrameProtocol) -> None:
        """The front is gone, or asks no more."""
        self.end()

    def end(self) -> None:
        """Leave; the front has taken its answers, or will not."""
        if not self.ended.done():
            self.ended.set_result(None)

    def _run_plainly(self, protocol: wire.FrameProtocol, api: InferenceAPI, batch_id: int, items: list[Any]) -> None:
        started_s = time.perf_counter()
        requests, task_ids = _decode(items)
        try:
            answers = [encode_answer(response) for response in api.handle_batch_request(requests, task_ids)]
        except BaseException as error:  # noqa: BLE001 - a door: also after sys.exit(), each caller gets an answer
            answers = [_answer_to_failure(api, error)] * len(items)
        frame = wire.pack([wire.ANSWER, batch_id, time.perf_counter() - started_s, answers])
        self._loop.call_soon_threadsafe(protocol.send, frame)

    async def _run_concurrently(
        self, protocol: wire.FrameProtocol, api: InferenceAPI, batch_id: int, items: list[Any]
    ) -> None:
        started_s = time.perf_counter()
        requests, task_ids = _decode(items)
        try:
            answers = [encode_answer(each) for each in await api.handle_batch_request_async(requests, task_ids)]
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a door: also after sys.exit(), each caller gets an answer
            answers = [_answer_to_failure(api, error)] * len(items)
        protocol.send(wire.pack([wire.ANSWER, batch_id, time.perf_counter() - started_s, answers]))


def _decode(items: list[Any]) -> tuple[list[Any], list[str]]:
    return [request_of(item) for item in items], [item[0] for item in items]


def _answer_to_failure(api: InferenceAPI, error: BaseException) -> tuple[int, bytes, bytes]:
    """The answer after an error outside of the user function."""
    logger.error("API %s failed outside of its function", api.name, exc_info=error)
    if not isinstance(error, BentoMLException):
        return 500, _TEXT_HEAD, _INTERNAL_ERROR
    if 400 <= error.status_code < 500:
        message = {"message": f"BentoService error handling API request: {error}"}
        return error.status_code, b"content-type: application/json\r\n", json.dumps(message).encode()
    return error.status_code, _TEXT_HEAD, b""


async def _run(context: ChildContext, service: BentoService) -> None:
    loop = asyncio.get_running_loop()
    worker = Worker(service, loop)
    context.end_with_parent(loop, lambda: os._exit(1))
    loop.add_signal_handler(signal.SIGTERM, worker.end)
    _, protocol = await loop.create_unix_connection(
        lambda: wire.FrameProtocol(worker.on_frame, worker.on_lost), str(context.socket_path)
    )
    protocol.send(wire.pack([wire.HELLO, os.getpid(), worker.facts()]))
    context.say(READY)
    await worker.ended
    # A plain function may still run for a caller that is gone; nobody waits for it.
    os._exit(0)


def main(argv: list[str]) -> None:
    """Run a worker: `RUNTIME_DIR STATUS_FD LIFELINE_FD`."""
    context = ChildContext.from_argv(argv)
    options = context.read_options()
    context.configure_logging(options)
    try:
        from bentoml.saved_bundle import load

        # The parent has checked the digests before it started us.
        service = load(str(options.bundle_path), verify=False)
        for api in service.inference_apis:
            api.input_adapter.prepare()
    except Exception as error:  # the door to the bundle's own code
        logger.exception("The bundle %s cannot be loaded", options.bundle_path)
        context.say(FAILED, message=f"{type(error).__name__}: {error}")
        sys.exit(FAILED_EXIT_CODE)
    # What the model brought along is here to stay; the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    run_on_fast_loop(_run(context, service))


if __name__ == "__main__":
    main(sys.argv[1:])
