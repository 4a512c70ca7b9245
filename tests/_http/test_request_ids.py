from __future__ import annotations

import sys
import uuid

import pytest

from bentoml._http.request_ids import new_request_id, request_id_of
from bentoml._util.proc import run


@pytest.mark.parametrize(
    "value",
    [b"a", b"7c1e", b"!~", b"order/17:retry=2", b"x" * 128],
    ids=["one letter", "hex", "ends of the range", "punctuation", "longest"],
)
def test_request_id_of_usable_value_is_that_value(value: bytes) -> None:
    assert request_id_of(value) == value.decode()


@pytest.mark.parametrize(
    "value",
    [None, b"", b"x" * 129, b"a b", b" a", b"a\t", b"a\n", b"\x7f", b"\x00", "ä".encode(), b"\xff"],
    ids=["none", "empty", "too long", "space", "lead", "tab", "newline", "delete", "zero", "utf-8", "high byte"],
)
def test_request_id_of_unusable_value_is_a_new_uuid4(value: bytes | None) -> None:
    made = request_id_of(value)
    parsed = uuid.UUID(made)
    assert (str(parsed), parsed.version, parsed.variant) == (made, 4, uuid.RFC_4122)


def test_new_request_id_over_several_batches_never_repeats() -> None:
    made = [new_request_id() for _ in range(2000)]
    assert len(set(made)) == 2000
    assert all(uuid.UUID(text).version == 4 and uuid.UUID(text).variant == uuid.RFC_4122 for text in made)
    assert {text[19] for text in made} == set("89ab")


FORKING = """
import os
from bentoml._util.proc import run
from bentoml._http.request_ids import new_request_id

new_request_id()
if os.fork():
    os.wait()
print("\\n".join(new_request_id() for _ in range(300)), flush=True)
"""


def test_new_request_id_after_fork_differs_in_the_child() -> None:
    made = run([sys.executable, "-c", FORKING], check=True).stdout.split()
    assert len(made) == len(set(made)) == 600
