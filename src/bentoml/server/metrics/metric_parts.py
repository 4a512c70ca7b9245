"""How the metrics of users' code travel from a worker to the front.

A worker makes the text of each sample up to its number, `orders_total{shop="north"}`, so that the front adds up numbers
under plain strings and writes them out. A metric travels in parts of some hundred samples; the front takes them one by
one, because it has requests to look after in between. What it gets is checked like anything from a worker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Generator, Iterator

# What one worker may report. A server with more series than that brings its Prometheus down before itself.
MAX_SAMPLES = 10_000
MAX_REPORT_BYTES = 8 << 20
MAX_KEY_CHARS = 4096
MAX_DOCUMENTATION_CHARS = 1024
# As many are unpacked, or added up, in some hundred microseconds.
PART_SAMPLES = 250

# Types whose numbers are added up, and never go back when a worker ends.
ADDED_KINDS = frozenset({"counter", "histogram", "summary"})
KINDS = ADDED_KINDS | {"gauge", "info", "stateset", "unknown"}
# What becomes of a gauge that several processes have set; the names are those of `prometheus_client`.
LIVE_MODES = frozenset({"liveall", "livesum", "livemin", "livemax", "livemostrecent"})
KEPT_MODES = frozenset({"all", "sum", "min", "max", "mostrecent"})
MODES = LIVE_MODES | KEPT_MODES | {""}

_NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_IS_NAME = re.compile(_NAME).fullmatch
_IS_KEY = re.compile(rf"{_NAME}(?:\{{{_LABEL}(?:,{_LABEL})*\}})?").fullmatch


@dataclass(slots=True)
class Part:
    """A metric, or some of its samples.

    Attributes:
        name: without `_total` and other endings of its samples.
        kind: its type, one of `KINDS`.
        documentation: what its author says about it.
        unit: the last part of the name, or empty.
        mode: of a gauge, one of `MODES`; empty for all others.
        shape: the bounds of a histogram, as text; only those of the same shape can be added up.
        values: numbers by the text of a sample before its number.
        times: when each number was set, in seconds since 1970; only of gauges that show the newest.
    """

    name: str
    kind: str
    documentation: str
    unit: str = ""
    mode: str = ""
    shape: str = ""
    values: dict[str, float] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether its numbers stay when the worker that has reported them has ended."""
        return self.kind in ADDED_KINDS or self.mode in KEPT_MODES

    def can_be_added_to(self, other: Part) -> bool:
        """Whether both are the same metric."""
        return (self.kind, self.mode, self.shape) == (other.kind, other.mode, other.shape)

    def without_samples(self) -> Part:
        """The same metric with nothing counted."""
        return Part(self.name, self.kind, self.documentation, self.unit, self.mode, self.shape)

    def add(self, other: Part) -> Generator[None, None, None]:
        """Take the numbers of another process, as the type and the mode say; see `slices.py`."""
        combine = _sum if self.kind in ADDED_KINDS else _COMBINED.get(self.mode.removeprefix("live"), _newest)
        for number, (key, value) in enumerate(other.values.items(), 1):
            if key not in self.values:
                self.values[key] = value
                if key in other.times:
                    self.times[key] = other.times[key]
            elif combine is not _newest:
                self.values[key] = combine(self.values[key], value)
            elif other.times.get(key, 0.0) >= self.times.get(key, 0.0):
                self.values[key] = value
                self.times[key] = other.times.get(key, 0.0)
            if number % PART_SAMPLES == 0:
                yield


def _sum(one: float, other: float) -> float:
    return one + other


def _newest(_: float, other: float) -> float:
    return other


_COMBINED: dict[str, Callable[[float, float], float]] = {"sum": _sum, "min": min, "max": max}


class Totals:
    """Metrics of several processes, added up."""

    def __init__(self) -> None:
        self.metrics: dict[str, Part] = {}

    def take(self, part: Part) -> Generator[None, None, bool]:
        """Add the numbers of one process; returns whether that was possible."""
        total = self.metrics.get(part.name)
        if total is None:
            total = self.metrics[part.name] = part.without_samples()
        elif not total.can_be_added_to(part):
            return False
        yield from total.add(part)
        yield
        return True

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return sum(len(metric.values) for metric in self.metrics.values())


def packed(metric: Part) -> Iterator[bytes]:
    """A metric in as many parts as its samples take; none when it has no samples."""
    head = [metric.name, metric.kind, metric.documentation, metric.unit, metric.mode, metric.shape]
    keys = list(metric.values)
    for start in range(0, len(keys), PART_SAMPLES):
        some = keys[start : start + PART_SAMPLES]
        times = [metric.times.get(key, 0.0) for key in some] if metric.times else []
        part: bytes = msgpack.packb([*head, some, [float(metric.values[key]) for key in some], times])
        yield part


def unpacked(data: bytes, known: Container[str] = ()) -> Part:
    """Read a part.

    Args:
        data: as `packed` makes it.
        known: keys that need no check, as they were looked at before.

    Raises:
        ValueError: it is something else.
    """
    try:
        name, kind, documentation, unit, mode, shape, keys, values, times = msgpack.unpackb(data, raw=False)
        part = Part(name, kind, documentation, unit, mode, shape, dict(zip(keys, values, strict=True)))
        part.times = dict(zip(keys, times, strict=True)) if times else {}
    except (TypeError, msgpack.UnpackException) as error:
        raise ValueError("a part of a report of metrics is none") from error
    _check(part, known)
    return part


def _check(part: Part, known: Container[str]) -> None:
    texts: list[Any] = [part.name, part.kind, part.documentation, part.unit, part.mode, part.shape]
    if not all(isinstance(text, str) for text in texts) or not _IS_NAME(part.name):
        raise ValueError(f"{part.name!r} is no metric")
    if part.kind not in KINDS or part.mode not in MODES or len(part.documentation) > MAX_DOCUMENTATION_CHARS:
        raise ValueError(f"{part.name} is a metric of no type: {part.kind!r}, {part.mode!r}")
    if part.unit and not part.name.endswith(f"_{part.unit}"):
        raise ValueError(f"{part.name} is not measured in {part.unit!r}")
    if len(part.values) > PART_SAMPLES:
        raise ValueError(f"{len(part.values)} samples are more than a part has")
    for key in part.values:
        if key not in known and not (isinstance(key, str) and key.startswith(part.name) and _IS_KEY(key)):
            raise ValueError(f"{key!r} is no sample of {part.name}")
    for number in (*part.values.values(), *part.times.values()):
        if type(number) is not float:
            raise ValueError(f"{number!r} is no number of {part.name}")
