"""Small charts: how a metric went over the versions of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.yatai.server.web.templating import figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.yatai.server.web.bundle_rows import BundleRow

WIDTH, HEIGHT = 240, 64
_MARGIN = 4
_MOST_CHARTS = 12


@dataclass(frozen=True)
class Series:
    """One chart, as the template draws it.

    Attributes:
        points: of the line, as SVG has them.
        described: the same in words.
    """

    name: str
    count: int
    points: str
    last: str
    low: str
    high: str
    described: str
    width: int = WIDTH
    height: int = HEIGHT


def series_of(rows: Sequence[BundleRow]) -> list[Series]:
    """A chart for each metric that two versions or more have.

    Args:
        rows: versions of one service, newest first.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    charts = [_series(name, [row.metrics[name] for row in reversed(rows) if name in row.metrics]) for name in names]
    return [chart for chart in charts if chart is not None][:_MOST_CHARTS]


def _series(name: str, values: Sequence[float]) -> Series | None:
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    step = WIDTH / (len(values) - 1)
    # Divided before they are subtracted: the difference of two large numbers may be larger than any number.
    scale = max(abs(low), abs(high)) or 1.0
    span = high / scale - low / scale
    room = HEIGHT - 2 * _MARGIN
    points = []
    for place, value in enumerate(values):
        share = (value / scale - low / scale) / span if span else 0.5
        points.append(f"{place * step:.1f},{HEIGHT - _MARGIN - share * room:.1f}")
    return Series(
        name,
        len(values),
        " ".join(points),
        figure(values[-1]),
        figure(low),
        figure(high),
        f"{name} over {len(values)} versions, from {figure(values[0])} to {figure(values[-1])}; "
        f"lowest {figure(low)}, highest {figure(high)}",
    )
