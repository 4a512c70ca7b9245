"""The time in records."""

from __future__ import annotations

import logging

from bentoml.server.logs.record_time import RecordTime


def test_time_is_written_as_the_standard_library_writes_it() -> None:
    now_s = 0.0
    text = RecordTime(lambda: now_s).text
    formatter = logging.Formatter()
    record = logging.makeLogRecord({})
    for now_s in (1_700_000_000.0, 1_700_000_000.25, 1_700_000_000.75, 1_700_000_001.5, 1_700_003_600.125):
        record.created, record.msecs = now_s, int(now_s % 1 * 1000)
        assert text() == formatter.formatTime(record)
