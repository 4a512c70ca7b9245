from __future__ import annotations

import json

import pytest

from benchmarks.probe import Ask, WrongAnswerError


def test_encode_of_rows_is_the_one_row_body() -> None:
    assert Ask("/predict").encode([5.1, 3.5, 1.4, 0.2]) == b"[[5.1,3.5,1.4,0.2]]"


def test_encode_of_v2_holds_the_same_row() -> None:
    (tensor,) = json.loads(Ask("/infer", "v2").encode([5.1, 3.5, 1.4, 0.2]))["inputs"]
    assert (tensor["shape"], tensor["data"]) == ([1, 4], [[5.1, 3.5, 1.4, 0.2]])


@pytest.mark.parametrize(
    ("body", "content"),
    [
        pytest.param("rows", b"[2]", id="rows"),
        pytest.param("v2", b'{"model_name": "m", "outputs": [{"shape": [1, 1], "data": [2]}]}', id="v2"),
    ],
)
def test_decode_finds_the_species(body: str, content: bytes) -> None:
    assert Ask("/predict", body).decode(content) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b"[0, 1]", b'{"outputs": []}', b"null", b"[null]"])
def test_decode_of_another_shape_raises(content: bytes) -> None:
    for body in ("rows", "v2"):
        with pytest.raises(WrongAnswerError, match="without a species"):
            Ask("/predict", body).decode(content)
