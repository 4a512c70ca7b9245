"""Requests that are nearly right, or anything at all: none is answered 5xx, none disturbs its neighbours."""

from __future__ import annotations

import functools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.check import Checker
from tests.fuzz.targets import CONTENT_TYPES, TARGETS, Target

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


def requests_to(target: Target) -> st.SearchStrategy[tuple[str, bytes]]:
    """Content types and bodies around the seeds of a target."""
    content_types = st.sampled_from(target.content_types) | st.sampled_from(CONTENT_TYPES)
    near = st.sampled_from(target.seeds).flatmap(lambda seed: st.tuples(st.just(seed[0]), mutations(seed[1])))
    return st.one_of(
        near,
        near,
        st.tuples(content_types, st.sampled_from([body for _, body in target.seeds])),
        st.tuples(content_types, st.binary(max_size=200)),
        st.tuples(content_types, json_values.map(lambda value: json.dumps(value).encode())),
    )


@functools.cache
def checker_of(name: str) -> Checker:
    return Checker(TARGETS[name])


@pytest.mark.parametrize("name", TARGETS)
def test_no_request_fails_the_server_or_disturbs_its_neighbours(name: str) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(requests_to(TARGETS[name]))
    def run(request: tuple[str, bytes]) -> None:
        checker_of(name).check(*request)

    run()
