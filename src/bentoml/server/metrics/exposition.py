"""Metrics as text: the Prometheus text format and OpenMetrics, which differ in the heads of families and in the end.

Sample lines are the same in both, so whoever has numbers makes the lines, once. That is most of the work of a scrape:
what does not change from one scrape to the next, names and labels, is kept, and only numbers are written anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from bentoml._util.accept import qualities

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from bentoml.server.metrics.counters import Histogram

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# What the text format calls the types of OpenMetrics that it does not have, and what it adds to their names.
_TEXT_KINDS = {"counter": ("counter", "_total"), "info": ("gauge", "_info"), "stateset": ("gauge", "")}
_TEXT_KINDS["unknown"] = ("untyped", "")
# Sample names of each type besides the family's own.
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}
SUFFIXES["info"] = ("_info",)

# As many are joined and encoded in some ten microseconds.
_LINES = 500

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Family:
    """One metric with all its samples.

    Attributes:
        name: without `_total` and other endings of its samples.
        kind: its type, as OpenMetrics calls it.
        documentation: any text.
        unit: the last part of the name, or empty.
        lines: samples, each as a line without its end.
    """

    name: str
    kind: str
    documentation: str
    unit: str = ""
    lines: list[str] = field(default_factory=list)

    def add(self, value: float, labels: Labels = ()) -> None:
        """Add the sample of a counter or a gauge.

        Args:
            value: the number.
            labels: (name, value) pairs.
        """
        self.lines.append(f"{_start(self.name, self.kind, labels)}{number_text(value)}")

    def add_histogram(self, histogram: Histogram, bounds: Sequence[float], labels: Labels) -> None:
        """Add the samples of a histogram.

        Args:
            histogram: the numbers.
            bounds: upper bounds of its buckets but the last.
            labels: see `add`.
        """
        starts, count, total = _histogram_starts(self.name, labels, tuple(bounds))
        counted = list(accumulate(histogram.buckets))
        self.lines += [f"{start}{number}.0" for start, number in zip(starts, counted, strict=True)]
        self.lines += (f"{count}{counted[-1]}.0", f"{total}{histogram.total}")

    @property
    def sample_names(self) -> set[str]:
        """The names under which its samples appear, and its own."""
        return {self.name, *(self.name + suffix for suffix in SUFFIXES.get(self.kind, ()))}

    def head(self, *, openmetrics: bool) -> list[str]:
        """The lines before the samples."""
        text = self.documentation.replace("\\", "\\\\").replace("\n", "\\n")
        if openmetrics:
            text = text.replace('"', '\\"')
            lines = [f"# HELP {self.name} {text}", f"# TYPE {self.name} {self.kind}"]
            return [*lines, f"# UNIT {self.name} {self.unit}"] if self.unit else lines
        kind, suffix = _TEXT_KINDS.get(self.kind, (self.kind, ""))
        return [f"# HELP {self.name}{suffix} {text}", f"# TYPE {self.name}{suffix} {kind}"]


def written(families: Iterable[Family], *, openmetrics: bool = False) -> Generator[None, None, bytes]:
    """Write families in one of the formats, some lines at a time; see `slices.py`. Gives UTF-8."""
    pieces = []
    for family in families:
        pieces.append("\n".join([*family.head(openmetrics=openmetrics), ""]).encode())
        for start in range(0, len(family.lines), _LINES):
            pieces.append("\n".join([*family.lines[start : start + _LINES], ""]).encode())
            yield
    if openmetrics:
        pieces.append(b"# EOF\n")
    return b"".join(pieces)


def wants_openmetrics(accept: str) -> bool:
    """Whether a value of `Accept` prefers OpenMetrics to the text format."""
    weights = qualities(accept)
    wanted = weights.get("application/openmetrics-text", 0.0)
    return wanted > 0 and wanted >= weights.get("text/plain", 0.0)


def number_text(value: float) -> str:
    """A number as both formats have it."""
    text = repr(float(value))
    return _NO_NUMBERS.get(text, text)


_NO_NUMBERS = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


def label_value(text: str) -> str:
    """A label value as it stands between its quotes."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def label_text(labels: Iterable[tuple[str, str]]) -> str:
    """Labels in braces, by name; nothing where there are none."""
    joined = ",".join(f'{name}="{label_value(value)}"' for name, value in sorted(labels))
    return f"{{{joined}}}" if joined else ""


@lru_cache(maxsize=4096)
def _start(name: str, kind: str, labels: Labels) -> str:
    """A sample's line up to its value."""
    return f"{name}{'_total' if kind == 'counter' else ''}{label_text(labels)} "


@lru_cache(maxsize=2048)
def _histogram_starts(name: str, labels: Labels, bounds: tuple[float, ...]) -> tuple[tuple[str, ...], str, str]:
    """Lines of a histogram's samples up to their values: of its buckets, of the count, of the sum."""
    names = [*(repr(float(bound)) for bound in bounds), "+Inf"]
    buckets = tuple(f"{name}_bucket{label_text([*labels, ('le', bound)])} " for bound in names)
    plain = label_text(labels)
    return buckets, f"{name}_count{plain} ", f"{name}_sum{plain} "
