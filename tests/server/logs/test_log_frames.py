"""Frames of the log socket: in any pieces, with whatever records carry, and against nonsense."""

from __future__ import annotations

import json
import logging
import os
import sys

import pytest

from bentoml.server.logs.log_frames import (
    CHANNELS,
    HEAD,
    MAX_CONTENT_BYTES,
    MAX_TEXT,
    RECORD,
    FrameReader,
    decode_counts,
    decode_record,
    encode_counts,
    encode_record,
    pack,
    pieces_of,
)

PREDICTION = CHANNELS["bentoml.prediction"]


def test_frames_are_read_in_any_pieces() -> None:
    frames = [(PREDICTION, 2, b"a\nb\n"), (RECORD, 1, b"{}"), (PREDICTION, 0, b"")]
    data = b"".join(pack(*frame) for frame in frames)
    for step in (1, 5, len(data)):
        reader = FrameReader()
        read = [frame for start in range(0, len(data), step) for frame in reader.feed(data[start : start + step])]
        assert read == frames
        assert reader.rest() is None


def test_frame_that_breaks_off_gives_its_whole_lines() -> None:
    reader = FrameReader()
    assert list(reader.feed(pack(PREDICTION, 4, b"a\nb\nc\nd\n")[:-1])) == []
    assert reader.rest() == (PREDICTION, 3, b"a\nb\nc\n", 1)


def test_frame_that_breaks_off_in_its_head_gives_nothing() -> None:
    reader = FrameReader()
    assert list(reader.feed(pack(PREDICTION, 1, b"a\n")[:7])) == []
    assert reader.rest() is None


def test_frame_that_is_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(ValueError, match="too large"):
        list(FrameReader().feed(HEAD.pack(PREDICTION, 1, MAX_CONTENT_BYTES + 1)))


def test_lines_are_cut_into_pieces_of_whole_lines() -> None:
    lines = b"aaa\nbbb\ncc\n" + b"d" * 20 + b"\ne\n"
    assert list(pieces_of(lines, 8)) == [b"aaa\nbbb\n", b"cc\n", b"d" * 20 + b"\n", b"e\n"]
    assert list(pieces_of(b"", 8)) == []


def test_record_keeps_its_place_its_traceback_and_what_it_carries() -> None:
    try:
        os.environ["NOT THERE: X"]
    except KeyError:
        made = logging.getLogger("bentoml.some").makeRecord(
            "bentoml.some",
            logging.ERROR,
            "/there/file.py",
            12,
            "said %s \udc80\n",
            ("this",),
            sys.exc_info(),
            "function",
            {"order": 66, "odd": {1, 2}.__class__, "getMessage": "mine", "args_": None},
        )
    record = decode_record(encode_record(made))
    assert record.getMessage() == "said this \udc80\n"
    assert (record.name, record.levelname, record.filename, record.lineno) == ("bentoml.some", "ERROR", "file.py", 12)
    assert record.created == made.created
    assert vars(record)["order"] == 66
    assert vars(record)["odd"] == "<class 'set'>"
    text = logging.Formatter("%(message)s").format(record)
    assert text.endswith("KeyError: 'NOT THERE: X'")
    assert "Traceback" in text


def test_record_that_carries_what_cannot_be_said_keeps_its_message() -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("not today")

    made = logging.makeLogRecord({"name": "bentoml", "msg": "kept", "odd": Odd()})
    assert decode_record(encode_record(made)).getMessage() == "kept"


def test_long_message_of_a_record_is_cut() -> None:
    made = logging.makeLogRecord({"name": "bentoml", "msg": "x" * (MAX_TEXT + 7)})
    assert decode_record(encode_record(made)).getMessage().endswith("x... (7 more characters are left out)")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"\x80\x04N.", b'{"name": 1}', json.dumps({"name": "x", "msg": "y", "levelno": "1"}).encode()],
)
def test_content_that_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        decode_record(content)


def test_counts_of_unknown_loggers_are_left_out() -> None:
    assert decode_counts(encode_counts({"bentoml.access": 3, "x": 1})) == {"bentoml.access": 3}
    for content in (b"[]", b'{"bentoml": -1}', b'{"bentoml": true}', b'{"bentoml": "1"}'):
        with pytest.raises(ValueError):
            decode_counts(content)
