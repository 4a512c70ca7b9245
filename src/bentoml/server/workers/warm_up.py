"""The first call of an API, made by its worker before any request, so that nobody waits for what is slow once."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from bentoml.types import HTTPRequest, HTTPResponse

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from bentoml.service import InferenceAPI

logger = logging.getLogger(__name__)

_SHOWN_CHARACTERS = 500


async def warm_up(api: InferenceAPI, executor: Executor, limit_s: float) -> bool:
    """Run the example of an API, its input adapter's `http_input_example`, as the JSON body of a request.

    Whatever goes wrong is a warning in the log, and the worker starts all the same.

    Args:
        api: one that has an example.
        executor: runs plain functions.
        limit_s: how long it may take.

    Returns:
        Whether the executor is free again; False while a plain function still runs.
    """
    began_s = time.perf_counter()
    loop = asyncio.get_running_loop()
    answering = loop.create_task(_answer(api)) if api.is_async else loop.run_in_executor(executor, _answer_plainly, api)
    done, _ = await asyncio.wait({answering}, timeout=limit_s)
    if not done:
        answering.cancel()
        _warn(api, f"it takes longer than {limit_s:g} seconds")
        return api.is_async
    answer = answering.result()
    if isinstance(answer, BaseException):
        _warn(api, f"{type(answer).__name__}: {answer}")
    elif answer.status >= 400:
        text = bytes(answer.body[:_SHOWN_CHARACTERS]).decode("utf-8", "replace")
        _warn(api, f"its example is answered {answer.status}: {text}")
    else:
        logger.info("API '%s' is warmed up after %.2f seconds", api.name, time.perf_counter() - began_s)
    return True


async def _answer(api: InferenceAPI) -> HTTPResponse | BaseException:
    try:
        return await api.probe_async(_example_of(api), str(uuid4()))
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - a door to user code, which may also call sys.exit()
        return error


def _answer_plainly(api: InferenceAPI) -> HTTPResponse | BaseException:
    try:
        return api.probe(_example_of(api), str(uuid4()))
    except BaseException as error:  # noqa: BLE001 - a door to user code, which may also call sys.exit()
        return error


def _example_of(api: InferenceAPI) -> HTTPRequest:
    body = json.dumps(api.input_adapter.http_input_example).encode()
    return HTTPRequest([("content-type", "application/json")], body, "POST", f"/{api.route}")


def _warn(api: InferenceAPI, reason: str) -> None:
    logger.warning("API '%s' could not be warmed up: %s", api.name, reason)
