"""What one run of the model server is asked to do: a frozen value, filled once, handed to every process of it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from bentoml._http.proxies import Proxies
from bentoml._util.cpus import cpu_count
from bentoml.configuration import get_config, is_debug
from bentoml.exceptions import InvalidArgument
from bentoml.server.options.cors_options import CorsOptions
from bentoml.server.options.gpus import check_device, check_gpus, visible_gpus
from bentoml.server.options.tokens import check_digests

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from bentoml.configuration.schema import BentoServer

DEFAULT_HOST = "0.0.0.0"  # noqa: S104 - the server's contract; containers rely on it

_WHOLE_NUMBERS = {
    "port": (0, 65535),
    "management_port": (0, 65535),
    "workers": (1, None),
    "worker_max_rss_bytes": (1, None),
    "worker_max_requests": (1, None),
    "max_request_size_bytes": (1, None),
    "mb_max_batch_size": (1, None),
    "mb_max_latency_ms": (1, None),
}
_SECONDS = ("timeout_s", "worker_timeout_s", "grace_s", "header_timeout_s", "body_timeout_s", "keep_alive_s")
_SWITCHES = (
    "preload",
    "swagger_enabled",
    "metrics_enabled",
    "feedback_enabled",
    "open_inference_enabled",
    "sagemaker_enabled",
    "debug",
    "quiet",
    "verify",
    "allow_pickle",
)
_ADDRESSES = ("host", "management_host")
_PATHS = ("uds", "ssl_certfile", "ssl_keyfile")
_TOKENS = ("inference_tokens", "metrics_tokens", "docs_tokens")
_LISTS = (*_TOKENS, "gpus", "trusted_proxies")
_OPTIONAL = frozenset(
    {"management_port", "worker_max_rss_bytes", "worker_max_requests", "mb_max_batch_size", "mb_max_latency_ms"}
)


class Overrides(TypedDict, total=False):
    """What a caller may say instead of the configuration; None is unset. See `ServeOptions` for units and ranges."""

    host: str | None
    port: int | None
    uds: str | None
    ssl_certfile: str | None
    ssl_keyfile: str | None
    workers: int | None
    gpus: tuple[str, ...] | None
    preload: bool | None
    timeout_s: float | None
    worker_timeout_s: float | None
    worker_max_rss_bytes: int | None
    worker_max_requests: int | None
    grace_s: float | None
    mb_max_batch_size: int | None
    mb_max_latency_ms: int | None
    swagger_enabled: bool | None
    verify: bool
    allow_pickle: bool | None
    debug: bool | None
    quiet: bool


@dataclass(frozen=True)
class ServeOptions:
    """Settings of the server; the same value in the parent, the front and the workers.

    Attributes:
        bundle_path: absolute path of the saved bundle.
        host: address to listen on: a name, an IPv4 or an IPv6 address.
        port: TCP port; 0 takes a free one.
        uds: path of a unix socket to listen on instead of host and port, or None.
        management_port: TCP port that pages and metrics are moved to; 0 takes a free one, None leaves them where all
            else is.
        management_host: address of that port.
        ssl_certfile: PEM file of the certificate chain; None serves without TLS.
        ssl_keyfile: PEM file of its private key; None when the key stands in `ssl_certfile`.
        workers: worker processes, at least 1.
        gpus: the GPUs that workers are shared out among, each worker seeing one; empty shows them what there is.
        preload: load the bundle once and fork the workers from that process.
        timeout_s: limit for a request that is not batched.
        worker_timeout_s: a call that runs longer is taken for hung, and its worker is replaced.
        worker_max_rss_bytes: a worker with more resident memory is replaced; None sets no limit.
        worker_max_requests: a worker is replaced after about this many requests; None keeps it.
        grace_s: how long a server that is going down waits for the answers that are due.
        header_timeout_s: time for the head of a request to arrive.
        body_timeout_s: longest silence while a body arrives.
        keep_alive_s: how long a connection without a request stays open.
        max_request_size_bytes: largest request body.
        trusted_proxies: addresses and networks of proxies that are believed when they say who the client is; `unix` for
            what connects to the unix socket.
        mb_max_batch_size: largest number of requests in one call, for every API; None leaves it to each API.
        mb_max_latency_ms: latency budget of a request, for every API; None leaves it to each API.
        swagger_enabled: whether `/` and `/docs` show the Swagger pages.
        metrics_enabled: whether `/metrics` answers.
        metrics_namespace: first part of every metric's name.
        feedback_enabled: whether `/feedback` takes what clients post.
        open_inference_enabled: whether the Open Inference Protocol is spoken below `/v2`.
        sagemaker_enabled: whether SageMaker is answered.
        sagemaker_api_name: the API that answers its `/invocations`; None for the only one.
        inference_tokens: digests of the tokens that requests for an API have to bring; none are needed when empty.
        metrics_tokens: the same for `/metrics`.
        docs_tokens: the same for the pages and the descriptions of the service.
        cors: cross-origin requests that are allowed; None allows none.
        debug: debug logs.
        quiet: only errors are logged, to stderr.
        verify: whether the digests of the bundle's files are checked at load.
        allow_pickle: whether a bundle that carries pickles is loaded.

    Raises:
        InvalidArgument: a value has the wrong type, is out of range, or is no digest of a token or no proxy.
    """

    bundle_path: Path
    host: str
    port: int
    uds: str | None
    management_port: int | None
    management_host: str
    ssl_certfile: str | None
    ssl_keyfile: str | None
    workers: int
    gpus: tuple[str, ...]
    preload: bool
    timeout_s: float
    worker_timeout_s: float
    worker_max_rss_bytes: int | None
    worker_max_requests: int | None
    grace_s: float
    header_timeout_s: float
    body_timeout_s: float
    keep_alive_s: float
    max_request_size_bytes: int
    trusted_proxies: tuple[str, ...]
    mb_max_batch_size: int | None
    mb_max_latency_ms: int | None
    swagger_enabled: bool
    metrics_enabled: bool
    metrics_namespace: str
    feedback_enabled: bool
    open_inference_enabled: bool
    sagemaker_enabled: bool
    sagemaker_api_name: str | None
    inference_tokens: tuple[str, ...]
    metrics_tokens: tuple[str, ...]
    docs_tokens: tuple[str, ...]
    cors: CorsOptions | None
    debug: bool
    quiet: bool
    verify: bool
    allow_pickle: bool

    def __post_init__(self) -> None:
        for name, (low, high) in _WHOLE_NUMBERS.items():
            _check_whole_number(name, getattr(self, name), low, high)
        for name in _SECONDS:
            _check_seconds(name, getattr(self, name))
        for name in _ADDRESSES:
            _check_address(name, getattr(self, name))
        for name in _PATHS:
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise InvalidArgument(f"{name} must be the path of a file, not {value!r}")
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            raise InvalidArgument("ssl_keyfile is of no use without ssl_certfile; name the certificate's file as well")
        check_gpus(self.gpus, self.workers, preload=self.preload)
        for name in _TOKENS:
            check_digests(f"bento_server.auth.{name}", getattr(self, name))
        Proxies(self.trusted_proxies)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise InvalidArgument(f"{name} must be true or false, not {getattr(self, name)!r}")

    @classmethod
    def from_config(cls, bundle_path: Path, **overrides: Unpack[Overrides]) -> ServeOptions:
        """Fill what the caller leaves out (None) from the configuration.

        Args:
            bundle_path: directory of the saved bundle.
            **overrides: fields of this class by name. `workers=0` means one per CPU, by default there is one for each
                of `gpus`; `debug` is by default what `$BENTOML_DEBUG` says; `worker_timeout_s` and `grace_s` are by
                default `timeout_s`.

        Raises:
            InvalidArgument: a value is out of range.
            BentoMLConfigException: the configuration file cannot be used.
        """
        server = get_config().bento_server
        given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
        if given.get("workers") == 0 and not isinstance(given["workers"], bool):
            given["workers"] = cpu_count()
        if "gpus" in given:
            given["gpus"] = visible_gpus(given["gpus"], os.environ)
            given.setdefault("workers", len(given["gpus"]))
            check_device(os.environ, server.device)
        timeout_s = given.get("timeout_s")
        if timeout_s is not None:
            # What the file does not say about workers follows the limit of the requests they answer.
            for name, configured in (("worker_timeout_s", server.worker_timeout_s), ("grace_s", server.grace_s)):
                if configured is None:
                    given.setdefault(name, timeout_s)
        return replace(_configured(cls, Path(bundle_path).absolute(), server), **given)

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
        lists = {name: tuple(values[name]) for name in _LISTS}
        cors = CorsOptions.from_json(values["cors"])
        return cls(**{**values, **lists, "bundle_path": Path(values["bundle_path"]), "cors": cors})


def _configured(cls: type[ServeOptions], bundle_path: Path, server: BentoServer) -> ServeOptions:
    return cls(
        bundle_path=bundle_path,
        host=DEFAULT_HOST,
        port=server.port,
        uds=None,
        management_port=server.management_port,
        management_host=server.management_host,
        ssl_certfile=None,
        ssl_keyfile=None,
        workers=cpu_count() // 2 + 1 if server.workers is None else server.workers,
        gpus=(),
        preload=server.preload,
        timeout_s=server.timeout,
        worker_timeout_s=server.timeout if server.worker_timeout_s is None else server.worker_timeout_s,
        worker_max_rss_bytes=server.worker_max_rss_bytes,
        worker_max_requests=server.worker_max_requests,
        grace_s=server.timeout if server.grace_s is None else server.grace_s,
        header_timeout_s=server.header_timeout_s,
        body_timeout_s=server.body_timeout_s,
        keep_alive_s=server.keep_alive_s,
        max_request_size_bytes=server.max_request_size,
        trusted_proxies=tuple(server.trusted_proxies),
        mb_max_batch_size=server.microbatch.max_batch_size,
        mb_max_latency_ms=server.microbatch.max_latency,
        swagger_enabled=server.swagger.enabled,
        metrics_enabled=server.metrics.enabled,
        metrics_namespace=server.metrics.namespace,
        feedback_enabled=server.feedback.enabled,
        open_inference_enabled=server.open_inference.enabled,
        sagemaker_enabled=server.sagemaker.enabled,
        sagemaker_api_name=server.sagemaker.api_name,
        inference_tokens=tuple(server.auth.inference_tokens),
        metrics_tokens=tuple(server.auth.metrics_tokens),
        docs_tokens=tuple(server.auth.docs_tokens),
        cors=CorsOptions.from_config(server.cors),
        debug=is_debug(),
        quiet=False,
        verify=True,
        allow_pickle=server.allow_pickle,
    )


def _check_whole_number(name: str, value: Any, low: int, high: int | None) -> None:
    if value is None and name in _OPTIONAL:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgument(f"{name} must be a whole number, not {value!r}")
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise InvalidArgument(f"{name} must be {limits}, not {value}")


def _check_address(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"{name} must be an address to listen on, such as 127.0.0.1, not {value!r}")


def _check_seconds(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidArgument(f"{name} must be a number of seconds, not {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise InvalidArgument(f"{name} must be more than 0 seconds, not {value!r}")
