"""What one run of the model server is asked to do: a frozen value, filled once, handed to every process of it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bentoml.configuration import get_config, is_debug
from bentoml.exceptions import InvalidArgument

DEFAULT_HOST = "0.0.0.0"  # noqa: S104 - the server's contract; containers rely on it

_WHOLE_NUMBERS = {
    "port": (0, 65535),
    "workers": (1, None),
    "max_request_size_bytes": (1, None),
    "mb_max_batch_size": (1, None),
    "mb_max_latency_ms": (1, None),
}
_OPTIONAL = frozenset({"mb_max_batch_size", "mb_max_latency_ms"})


@dataclass(frozen=True)
class ServeOptions:
    """Settings of the server; the same value in the parent, the front and the workers.

    Attributes:
        bundle_path: absolute path of the saved bundle.
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        workers: worker processes, at least 1.
        timeout_s: limit for a request that is not batched, and for a worker to answer.
        max_request_size_bytes: largest request body.
        mb_max_batch_size: largest number of requests in one call, for every API; None leaves it to each API.
        mb_max_latency_ms: latency budget of a request, for every API; None leaves it to each API.
        swagger_enabled: whether `/` and `/docs` show the Swagger pages.
        metrics_enabled: whether `/metrics` answers.
        metrics_namespace: first part of every metric's name.
        debug: debug logs.
        quiet: only errors are logged, to stderr.
        verify: whether the digests of the bundle's files are checked at load.

    Raises:
        InvalidArgument: a value has the wrong type or is out of range.
    """

    bundle_path: Path
    host: str
    port: int
    workers: int
    timeout_s: float
    max_request_size_bytes: int
    mb_max_batch_size: int | None
    mb_max_latency_ms: int | None
    swagger_enabled: bool
    metrics_enabled: bool
    metrics_namespace: str
    debug: bool
    quiet: bool
    verify: bool

    def __post_init__(self) -> None:
        for name, (low, high) in _WHOLE_NUMBERS.items():
            _check_whole_number(name, getattr(self, name), low, high)
        if isinstance(self.timeout_s, bool) or not isinstance(self.timeout_s, (int, float)):
            raise InvalidArgument(f"timeout_s must be a number of seconds, not {self.timeout_s!r}")
        if not (math.isfinite(self.timeout_s) and self.timeout_s > 0):
            raise InvalidArgument(f"timeout_s must be more than 0 seconds, not {self.timeout_s!r}")
        if not isinstance(self.host, str) or not self.host.strip():
            raise InvalidArgument(f"host must be an address to listen on, such as 127.0.0.1, not {self.host!r}")
        for name in ("swagger_enabled", "metrics_enabled", "debug", "quiet", "verify"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidArgument(f"{name} must be true or false, not {getattr(self, name)!r}")

    @classmethod
    def from_config(  # noqa: PLR0913 - one keyword per field
        cls,
        bundle_path: Path,
        *,
        host: str | None = None,
        port: int | None = None,
        workers: int | None = None,
        timeout_s: float | None = None,
        mb_max_batch_size: int | None = None,
        mb_max_latency_ms: int | None = None,
        swagger_enabled: bool | None = None,
        verify: bool = True,
        debug: bool | None = None,
        quiet: bool = False,
    ) -> ServeOptions:
        """Fill what the caller leaves out (None) from the configuration.

        Args:
            bundle_path: directory of the saved bundle.
            host: address to listen on; by default all addresses.
            port: 0 to 65535; 0 takes a free one.
            workers: at least 1, or 0 for one per CPU.
            timeout_s: more than 0.
            mb_max_batch_size: at least 1 request.
            mb_max_latency_ms: at least 1 millisecond.
            swagger_enabled: show the Swagger pages.
            verify: check the digests of the bundle's files.
            debug: debug logs; by default what `$BENTOML_DEBUG` says.
            quiet: log errors only, to stderr.

        Raises:
            InvalidArgument: a value is out of range.
            BentoMLConfigException: the configuration file cannot be used.
        """
        server = get_config().bento_server
        batching = server.microbatch
        return cls(
            bundle_path=Path(bundle_path).absolute(),
            host=DEFAULT_HOST if host is None else host,
            port=server.port if port is None else port,
            workers=_worker_count(workers, server.workers),
            timeout_s=server.timeout if timeout_s is None else timeout_s,
            max_request_size_bytes=server.max_request_size,
            mb_max_batch_size=batching.max_batch_size if mb_max_batch_size is None else mb_max_batch_size,
            mb_max_latency_ms=batching.max_latency if mb_max_latency_ms is None else mb_max_latency_ms,
            swagger_enabled=server.swagger.enabled if swagger_enabled is None else swagger_enabled,
            metrics_enabled=server.metrics.enabled,
            metrics_namespace=server.metrics.namespace,
            debug=is_debug() if debug is None else debug,
            quiet=quiet,
            verify=verify,
        )

    def to_json(self) -> str:
        """The options as one JSON object, for a child process."""
        return json.dumps({**asdict(self), "bundle_path": str(self.bundle_path)}, indent=2)

    @classmethod
    def from_json(cls, text: str | bytes) -> ServeOptions:
        """Read what `to_json` wrote.

        Raises:
            InvalidArgument: it is not such an object, or a value is out of range.
        """
        try:
            values: Any = json.loads(text)
        except ValueError as error:
            raise InvalidArgument(f"server options are not JSON: {error}") from error
        expected = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or values.keys() != expected:
            raise InvalidArgument(
                f"server options must be an object with exactly the keys {', '.join(sorted(expected))}"
            )
        if not isinstance(values["bundle_path"], str):
            raise InvalidArgument(f"bundle_path must be text, not {values['bundle_path']!r}")
        return cls(**{**values, "bundle_path": Path(values["bundle_path"])})


def cpu_count() -> int:
    """CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _worker_count(asked: int | None, configured: int | None) -> int:
    if asked is not None:
        return cpu_count() if asked == 0 and not isinstance(asked, bool) else asked
    return cpu_count() // 2 + 1 if configured is None else configured


def _check_whole_number(name: str, value: Any, low: int, high: int | None) -> None:
    if value is None and name in _OPTIONAL:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgument(f"{name} must be a whole number, not {value!r}")
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise InvalidArgument(f"{name} must be {limits}, not {value}")
