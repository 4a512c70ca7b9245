"""Batches of good, malformed, discarded and failing requests: what the tests of all adapters do with them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bentoml.exceptions import InvalidArgument
from bentoml.types import HTTPRequest, InferenceTask
from tests.thoroughness import examples

if TYPE_CHECKING:
    from bentoml.service.inference_api import InferenceAPI

DISCARD = "please discard"
RAISE = "please raise"
REFUSE = "please refuse"
ANSWER = "please answer yourself"
MARKS = [DISCARD, RAISE, REFUSE, ANSWER]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The errors of the requests are meant to happen."""
    logger = logging.getLogger("bentoml")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def react(mark: str, task: InferenceTask[Any]) -> None:
    """Discard or raise, when the mark says so."""
    if mark == DISCARD:
        task.discard(http_status=422, err_msg=f"discarded {task.data!r}", http_headers={"X-Why": "asked for"})
    elif mark == RAISE:
        raise ValueError(f"raised for {task.data!r}")
    elif mark == REFUSE:
        raise InvalidArgument(f"refused {task.data!r}")


def mark_in(text: str) -> str:
    """The mark that a text holds, or an empty string."""
    return next((mark for mark in MARKS if mark in text), "")


malformed = st.sampled_from([b"", b"{bad", b"\xff", b"[]", b"[[1], [1, 2]]", b'{"a": 1}', b"3", b"nope"])
bad_gzip = st.just(HTTPRequest({"Content-Encoding": "gzip"}, b"no gzip"))


def assert_batch_equals_single(api: InferenceAPI, requests: Iterable[HTTPRequest]) -> None:
    """Compare status, headers and body of each answer in the batch with those of the request alone."""
    requests = list(requests)
    ids = [f"id-{i}" for i in range(len(requests))]
    together = api.handle_batch_request(requests, ids)
    alone = [api.handle_batch_request([request], [one])[0] for request, one in zip(requests, ids, strict=True)]
    assert [(one.status, one.headers.to_json(), one.body) for one in together] == [
        (one.status, one.headers.to_json(), one.body) for one in alone
    ]


unhurried = settings(deadline=None, max_examples=examples(50), suppress_health_check=[HealthCheck.too_slow])
