"""The templates, and the forms in which they show values. Whatever a template is given is escaped as it is written."""

from __future__ import annotations

import json
import urllib.parse
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.yatai.models import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment

_TEMPLATES = Path(__file__).with_name("templates")
_SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")
_AGES = (("year", 365 * 86400), ("month", 30 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
# A value of somebody's metadata is shown in a cell of a table.
_LONGEST_FIGURE = 200


@lru_cache(maxsize=1)
def templates() -> Environment:
    """The environment of all templates.

    Raises:
        MissingDependencyException: Jinja2 is not installed.
    """
    jinja2 = require("jinja2")
    environment: Environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        age=age, day=day, figure=figure, moment=moment, path=path_text, size=size, thousands=thousands
    )
    return environment


def render(name: str, values: Mapping[str, Any]) -> bytes:
    """A page, as it is sent."""
    return templates().get_template(name).render(values).encode()


def size(size_bytes: int) -> str:
    """Such as `1.4 GB`, in powers of 1000."""
    if size_bytes < 1000:
        return f"{size_bytes} byte{'' if size_bytes == 1 else 's'}"
    value, power = size_bytes / 1000, 1
    while value >= 999.5 and power < len(_SIZES) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.1f} {_SIZES[power]}" if value < 9.95 else f"{value:.0f} {_SIZES[power]}"


def age(since: datetime, now: datetime | None = None) -> str:
    """How long ago something was, in the largest unit of which there is one: `3 days`."""
    seconds = max(0.0, ((now or utc_now()) - since).total_seconds())
    for unit, length in _AGES:
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "0 seconds"


def moment(value: datetime) -> str:
    """Date and time in UTC."""
    return value.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def day(value: datetime) -> str:
    """The date in UTC."""
    return value.astimezone(timezone.utc).strftime("%Y-%m-%d")


def thousands(value: int) -> str:
    """A number in groups of three digits."""
    return f"{value:,}"


def figure(value: object) -> str:
    """A value out of JSON in short: whole numbers in groups, five digits of others, what is long cut."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.5g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_FIGURE else f"{text[: _LONGEST_FIGURE - 1]}…"


def path_text(text: str) -> str:
    """A name or a path of names as it stands in an address."""
    return urllib.parse.quote(text, safe="/")
