"""How names and times are written in JSON."""

from __future__ import annotations

from datetime import datetime, timezone


def camel_case(name: str) -> str:
    """`created_at` -> `createdAt`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def timestamp_text(moment: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds, such as `2024-05-01T10:00:00.123456Z`.

    Args:
        moment: a point in time that knows its offset.
    """
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
