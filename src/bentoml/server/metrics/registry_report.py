"""What a worker says about the metrics that users' own code has made with `prometheus_client`.

Their author needs no set-up: what is in the library's default registry is reported. The library is asked for nothing
and is not even imported unless the service uses it. What the library itself measures about its process is left out:
several processes cannot be shown as one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bentoml.server.metrics.exposition import label_text
from bentoml.server.metrics.metric_parts import (
    ADDED_KINDS,
    KINDS,
    MAX_DOCUMENTATION_CHARS,
    MAX_KEY_CHARS,
    MAX_REPORT_BYTES,
    MAX_SAMPLES,
    Part,
    packed,
)
from bentoml.server.metrics.recent_values import MODES as TIMED_MODES
from bentoml.server.metrics.recent_values import watch
from bentoml.server.transport import wire

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from prometheus_client import Metric
    from prometheus_client.registry import Collector, CollectorRegistry

logger = logging.getLogger(__name__)

_LIBRARY = "prometheus_client"
MAX_PROBLEMS = 20
# A process that is to end waits no longer for a registry that takes its time.
LAST_WORDS_S = 1.0


def is_used() -> bool:
    """Whether something in this process uses the library, and may have metrics."""
    return _LIBRARY in sys.modules


@dataclass(frozen=True)
class Inherited:
    """What was counted in the process that this one was forked from; it is said once for all its forks.

    Attributes:
        origin: stands for that process.
        parts: the metrics.
        values: the same numbers by sample; they are taken off what a forked process counts.
    """

    origin: str
    parts: list[bytes]
    values: Mapping[str, float]

    @classmethod
    def here(cls) -> Inherited | None:
        """What is counted in this process so far; None when there is nothing."""
        if not is_used():
            return None
        # Only these: what reads a device must not do so before a fork.
        counted = Report.of_registry(types=ADDED_KINDS).metrics.values()
        values = {key: value for metric in counted for key, value in metric.values.items()}
        if not any(values.values()):
            return None
        parts = [part for metric in counted for part in packed(metric)]
        return cls(f"{os.getpid()}-{time.monotonic_ns()}", parts, values)


@dataclass
class Report:
    """The metrics of a registry, as far as they are few enough.

    Attributes:
        metrics: by name.
        problems: (name of a metric or of the class that makes them, what is wrong with it).
        samples: how many there are.
        left_out: metrics that were too much.
    """

    metrics: dict[str, Part] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    samples: int = 0
    left_out: int = 0

    @classmethod
    def of_registry(cls, inherited: Mapping[str, float] | None = None, types: Container[str] | None = None) -> Report:
        """Read the default registry.

        Args:
            inherited: numbers to take off.
            types: only the library's own metrics of these types, and no collector of the user's own.
        """
        import prometheus_client

        report = cls()
        left_out = (
            prometheus_client.PROCESS_COLLECTOR,
            prometheus_client.PLATFORM_COLLECTOR,
            prometheus_client.GC_COLLECTOR,
        )
        for collector in _collectors(prometheus_client.REGISTRY):
            if report.left_out >= MAX_PROBLEMS:
                # There is no end of them; what follows would not fit either.
                break
            if collector not in left_out and (types is None or getattr(collector, "_type", None) in types):
                report.take(collector, inherited or {})
        return report

    def take(self, collector: Collector, inherited: Mapping[str, float]) -> None:
        """Add what a collector has; what is too much, or fails, becomes a problem."""
        name = getattr(collector, "_name", type(collector).__name__)
        try:
            # Known before they are copied: a million would take seconds and much memory.
            expected = _expected_samples(collector)
            if self.samples + expected > MAX_SAMPLES:
                self._leave_out(name)
                return
            mode = getattr(collector, "_multiprocess_mode", None)
            times = watch(collector) if mode in TIMED_MODES else {}
            for metric in collector.collect():
                self._add(metric, _part_of(metric, mode, times, inherited))
        except Exception as error:  # noqa: BLE001 - the door to the user's own collectors
            self.problems.append((name, f"its numbers cannot be read: {type(error).__name__}: {error}"))

    def _add(self, metric: Metric, part: Part) -> None:
        if self.samples + len(metric.samples) > MAX_SAMPLES:
            self._leave_out(metric.name)
        elif metric.type not in KINDS:
            self.problems.append((metric.name, f"a metric of type {metric.type} cannot be shown"))
        elif _legal(metric.name) in self.metrics:
            self.problems.append((metric.name, "another metric of the same process has this name"))
        elif any(len(key) > MAX_KEY_CHARS for key in part.values):
            self.problems.append((metric.name, f"it has labels of more than {MAX_KEY_CHARS} characters"))
        else:
            self.metrics[part.name] = part
            self.samples += len(part.values)

    def _leave_out(self, name: str) -> None:
        self.left_out += 1
        # The same text each time, so that it is logged once.
        self.problems.append(
            (
                name,
                f"with its samples a worker would have more than {MAX_SAMPLES}; it is not shown, give it fewer labels",
            )
        )

    def frame(self) -> list[Any]:
        """What is sent to the front."""
        parts, size_bytes = [], 0
        for metric in self.metrics.values():
            own = list(packed(metric))
            own_bytes = sum(map(len, own))
            if size_bytes + own_bytes > MAX_REPORT_BYTES:
                self.problems.append(
                    (metric.name, f"with its labels a worker would report over {MAX_REPORT_BYTES} bytes")
                )
                continue
            parts += own
            size_bytes += own_bytes
        return [wire.METRICS, parts, [[name[:200], text[:400]] for name, text in self.problems[:MAX_PROBLEMS]]]


class RegistryReporter:
    """Answers the front when it asks for metrics, from a thread of its own: a registry may be large, and slow.

    Args:
        inherited: what was counted before this process was forked.
    """

    def __init__(self, inherited: Inherited | None = None) -> None:
        self._inherited = inherited
        self._has_said_inherited = inherited is None
        self._thread: ThreadPoolExecutor | None = None
        if is_used():
            _watch_all()

    def answer(self, protocol: wire.FrameProtocol, loop: asyncio.AbstractEventLoop) -> None:
        """Read the registry and send what is in it."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")

        def report() -> None:
            frames = self.frames()
            for frame in frames:
                loop.call_soon_threadsafe(protocol.send_message, frame)

        self._thread.submit(report)

    async def say_last(self, protocol: wire.FrameProtocol, loop: asyncio.AbstractEventLoop) -> None:
        """Send what is in the registry before the process ends, if anybody has ever asked for it."""
        if self._thread is None or protocol.transport is None:
            return
        with contextlib.suppress(asyncio.TimeoutError):
            for frame in await asyncio.wait_for(loop.run_in_executor(self._thread, self.frames), LAST_WORDS_S):
                protocol.send_message(frame)
            deadline_s = loop.time() + LAST_WORDS_S
            while protocol.transport is not None and protocol.transport.get_write_buffer_size():
                if loop.time() > deadline_s:
                    break
                await asyncio.sleep(0.005)

    def frames(self) -> list[list[Any]]:
        """What there is to say, in order."""
        try:
            if not is_used():
                return [Report().frame()]
            frames = [Report.of_registry(self._inherited.values if self._inherited else None).frame()]
        except Exception:
            # The library may be another one by that name.
            logger.exception("The metrics of this worker cannot be read")
            return [Report().frame()]
        if self._inherited is not None and not self._has_said_inherited:
            self._has_said_inherited = True
            frames.insert(0, [wire.INHERITED, self._inherited.origin, self._inherited.parts])
        return frames


def _collectors(registry: CollectorRegistry) -> list[Collector]:
    """What is registered. The public way in gives samples only, not how many there are nor what merges them."""
    with registry._lock:
        return list(registry._collector_to_names)


def _watch_all() -> None:
    """Note as early as can be when gauges are set."""
    import prometheus_client

    for collector in _collectors(prometheus_client.REGISTRY):
        if getattr(collector, "_multiprocess_mode", None) in TIMED_MODES:
            watch(collector)


def _expected_samples(collector: Collector) -> int:
    """How many samples one of the library's own metrics has; 0 for a collector of another kind."""
    children = getattr(collector, "_metrics", None)
    if not hasattr(collector, "_type"):
        return 0
    each = len(getattr(collector, "_upper_bounds", ())) + 2
    return each * (1 if children is None else len(children))


def _part_of(
    metric: Metric, mode: str | None, times: Mapping[tuple[str, ...], float], inherited: Mapping[str, float]
) -> Part:
    name = _legal(metric.name)
    unit = metric.unit if metric.unit and name.endswith(f"_{metric.unit}") else ""
    if (metric.type == "gauge" and mode is None) or metric.type == "unknown":
        # From a collector of the user's own: a reading of this process, which ends with it.
        mode = "liveall"
    part = Part(name, metric.type, metric.documentation[:MAX_DOCUMENTATION_CHARS], unit, mode or "")
    pid = (("pid", str(os.getpid())),) if mode in {"all", "liveall"} else ()
    bounds: list[str] = []
    for sample in metric.samples:
        if sample.name in {f"{metric.name}_created", metric.name if metric.type == "summary" else ""}:
            # When a number began, and quantiles, mean nothing for several processes.
            continue
        labels = {**{_legal(label): text for label, text in sample.labels.items()}, **dict(pid)}
        key = f"{_legal(sample.name)}{label_text(labels.items())}"
        value = float(sample.value)
        if metric.type in ADDED_KINDS and key in inherited:
            value = _since(value, inherited[key], key)
        part.values[key] = value
        if times:
            part.times[key] = times.get(tuple(sample.labels.values()), 0.0)
        if "le" in sample.labels and (not bounds or bounds[-1] != "+Inf"):
            bounds.append(sample.labels["le"])
    part.shape = ",".join(bounds) if metric.type == "histogram" else ""
    return part


def _since(value: float, before: float, key: str) -> float:
    """What was counted since a process was forked; the whole number when it was set back to 0 since then."""
    return value - before if value >= before or key.partition("{")[0].endswith("_sum") else value


def _legal(name: str) -> str:
    """A name with `_` in the place of characters that older Prometheus servers refuse."""
    return re.sub(r"[^a-zA-Z0-9_:]|^(?=[0-9])", "_", name)
