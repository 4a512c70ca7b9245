"""Names and times in JSON."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bentoml._util.json_forms import camel_case, timestamp_text


@pytest.mark.parametrize(
    ("name", "camel"), [("name", "name"), ("created_at", "createdAt"), ("mb_max_batch_size", "mbMaxBatchSize")]
)
def test_camel_case_joins_words(name: str, camel: str) -> None:
    assert camel_case(name) == camel


def test_timestamp_text_when_in_another_zone_gives_utc() -> None:
    zone = timezone(timedelta(hours=2))
    assert timestamp_text(datetime(2024, 5, 1, 12, 0, 0, 5, tzinfo=zone)) == "2024-05-01T10:00:00.000005Z"
