"""Requests that are nearly right, or anything at all: none is answered 5xx, none disturbs its neighbours."""

from __future__ import annotations

import functools
import json
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.check import Checker
from tests.fuzz.target import Head, Target
from tests.fuzz.targets import TARGETS
from tests.thoroughness import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutations(draw: st.DrawFn, content: bytes) -> bytes:
    """A body with some bytes replaced, cut out or written twice."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + draw(st.sampled_from([0, 1, 2, 4, 8, 64])))))
        content = content[:start] + draw(st.binary(max_size=4) | st.just(content[start:end] * 2)) + content[end:]
    return content


def requests_to(target: Target) -> st.SearchStrategy[tuple[Head, bytes]]:
    """Heads and bodies around the seeds of a target."""
    heads = st.sampled_from(target.heads)
    near = st.sampled_from(target.requests).flatmap(lambda seed: st.tuples(st.just(seed[0]), mutations(seed[1])))
    return st.one_of(
        near,
        near,
        st.tuples(heads, st.sampled_from([body for _, body in target.requests])),
        st.tuples(heads, st.binary(max_size=200)),
        st.tuples(heads, json_values.map(lambda value: json.dumps(value).encode())),
    )


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What is refused is refused on purpose."""
    logger = logging.getLogger("bentoml")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@functools.cache
def checker_of(name: str) -> Checker:
    return Checker(TARGETS[name])


@pytest.mark.parametrize("name", TARGETS)
def test_no_request_fails_the_server_or_disturbs_its_neighbours(name: str) -> None:
    @settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(requests_to(TARGETS[name]))
    def run(request: tuple[Head, bytes]) -> None:
        checker_of(name).check(*request)

    run()
