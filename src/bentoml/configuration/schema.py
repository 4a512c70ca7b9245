"""Every key of the configuration, with its type, default, meaning, unit and range. Nothing about keys stands elsewhere.

Those of the registry are in `registry_schema.py`, all others here.

The names are those of the file. The docstring of a class says what its section is about; it appears in the reference
page, like the meanings. `docs/configuration-reference.md` is made from here by `scripts/configuration_reference.py`.
"""

from __future__ import annotations

from typing import Any

from bentoml.configuration.key import Form, Section, key, section
from bentoml.configuration.registry_schema import Yatai

IMAGE_EXTENSIONS = [".jpg", ".png", ".jpeg", ".tiff", ".webp", ".bmp"]
# Fields of requests and answers that hold credentials.
SECRET_HEADERS = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"]
NOTHING: list[str] = []
DEVICE = Form(r"cpu|mps|(cuda|tpu|xpu)(:[0-9]{1,3})?", "a device such as cpu, cuda or cuda:1")
LOCKS = ("versions", "try-hashes", "hashes")
LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")


class BentoBundle(Section):
    """What is written into a saved bundle."""

    deployment_version: str | None = key(None, "library version recorded in bundles; null is the running one")
    default_docker_base_image: str | None = key(None, "base image; null is `python:X.Y-slim`")
    lock: str = key(
        "versions",
        "what `requirements.lock` of a bundle holds: `versions` asks nobody; `hashes` asks the index of packages, and "
        "nothing is saved without an answer; `try-hashes` asks, too, and without one it warns and takes `versions`",
        choices=LOCKS,
    )
    lock_timeout_s: float = key(60, "longest time that saving waits for the index", unit="seconds", above=0)


class Bundles(Section):
    """Which saved bundles are trusted."""

    require_signature: bool = key(
        False, "load, serve, copy and build images of only those bundles that one of `trusted_keys` has signed"
    )
    trusted_keys: list[str] = key(
        NOTHING, "absolute paths of files with public keys (Ed25519, PEM), such as `/etc/bentoml/release.pem`"
    )
    max_archive_bytes: int = key(32 << 30, "largest archive that is downloaded", unit="bytes", at_least=1)
    max_unpacked_bytes: int = key(64 << 30, "most that an archive may unpack to", unit="bytes", at_least=1)
    max_unpacked_files: int = key(200_000, "most files and directories in an archive", at_least=1)
    max_unpacked_ratio: int = key(200, "how many times its size an archive may unpack to, beyond 32 MiB", at_least=1)


class HttpStorage(Section):
    """Addresses that begin with `https://`. Only machines of the public internet are asked."""

    allowed_networks: list[str] = key(
        NOTHING, "networks that may be asked although they are not public, such as `10.2.0.0/16`"
    )
    allow_http: bool = key(False, "take `http://` too, which anybody on the way can read and change")
    ca_file: str | None = key(None, "certificates of the authorities to trust, PEM; null takes those of the system")
    idle_timeout_s: float = key(30, "longest silence of the server", unit="seconds", above=0)
    max_time_s: float = key(3600, "longest time for one object", unit="seconds", above=0)
    max_redirects: int = key(5, "how often an answer may name another address", at_least=0)


class S3Storage(Section):
    """Addresses that begin with `s3://`. What is null is left to the `AWS_*` variables."""

    endpoint_url: str | None = key(None, "address of a compatible store, such as `https://minio.example:9000`")
    region: str | None = key(None, "region of the buckets")


class GcsStorage(Section):
    """Addresses that begin with `gs://`. What is null is left to the `GOOGLE_*` variables."""

    endpoint_url: str | None = key(None, "address of a compatible store")


class AzureStorage(Section):
    """Addresses that begin with `azure://`. What is null is left to the `AZURE_*` variables."""

    account: str | None = key(None, "name of the storage account")
    endpoint_url: str | None = key(None, "address of the account, such as `https://ACCOUNT.blob.core.windows.net`")


class Storage(Section):
    """Objects at addresses."""

    http: HttpStorage = section(HttpStorage)
    s3: S3Storage = section(S3Storage)
    gcs: GcsStorage = section(GcsStorage)
    azure: AzureStorage = section(AzureStorage)


class Microbatch(Section):
    """Batching, for every API of the service."""

    enabled: bool = key(True, "accepted, no effect; `max_batch_size: 1` turns batching off")
    workers: int = key(1, "accepted, no effect; one queue feeds all workers", at_least=1)
    max_batch_size: int | None = key(None, "largest batch; null leaves it to each API", unit="requests", at_least=1)
    max_latency: int | None = key(
        None, "latency budget of a request; null leaves it to each API", unit="milliseconds", at_least=1
    )


class Ngrok(Section):
    """A tunnel to the server."""

    enabled: bool = key(False, "accepted, no effect")


class Swagger(Section):
    """The Swagger pages."""

    enabled: bool = key(True, "serve them at `/` and `/docs`")


class Metrics(Section):
    """The metrics of the server."""

    enabled: bool = key(True, "serve Prometheus text at `/metrics`")
    namespace: str = key("BENTOML", "first part of the name of every metric")


class Feedback(Section):
    """The feedback endpoint."""

    enabled: bool = key(True, "whether `/feedback` takes what clients post")


class OpenInference(Section):
    """The Open Inference Protocol V2, for APIs that take tensors or tables."""

    enabled: bool = key(True, "answer below `/v2`")


class SageMaker(Section):
    """What SageMaker asks of a container: `/ping`, `/invocations` and `/execution-parameters`."""

    enabled: bool = key(False, "answer it; the command `serve` of a container does so on its own")
    api_name: str | None = key(None, "the API that answers `/invocations`; null is the only one")


class ServerLogging(Section):
    """Logs of the server processes."""

    level: str = key("INFO", "least severe level that is logged", choices=LOG_LEVELS)


class Cors(Section):
    """Pages of other origins that may read answers."""

    enabled: bool = key(False, "send the headers below; without it no `Access-Control-*` header is sent")
    access_control_allow_origin: str | None = key(None, "origins that may read answers")
    access_control_allow_credentials: bool | None = key(None, "whether requests may carry credentials")
    access_control_allow_methods: str | list[str] | None = key(None, "methods that may be used")
    access_control_allow_headers: str | list[str] | None = key(None, "request headers that may be sent")
    access_control_max_age: int | None = key(None, "time for which the permission is kept", unit="seconds", at_least=-1)
    access_control_expose_headers: str | list[str] | None = key(None, "response headers that scripts may read")


class Auth(Section):
    """Digests of the tokens that requests have to bring, `sha256:` and 64 hexadecimal digits; none when empty."""

    inference_tokens: list[str] = key(NOTHING, "before the APIs and `/feedback`", secret=True)
    metrics_tokens: list[str] = key(NOTHING, "before `/metrics`", secret=True)
    docs_tokens: list[str] = key(NOTHING, "before the pages, `/docs.json` and `/metadata`", secret=True)


class BentoServer(Section):
    """The model server."""

    port: int = key(5000, "TCP port to listen on", at_least=1, at_most=65535)
    management_port: int | None = key(
        None,
        "TCP port that pages and metrics are moved to, 0 for a free one; null leaves them",
        at_least=0,
        at_most=65535,
    )
    management_host: str = key("127.0.0.1", "address of that port")
    workers: int | None = key(1, "worker processes; null is half of the CPUs plus one", at_least=1)
    timeout: float = key(60, "limit for a request that is not batched", unit="seconds", above=0)
    worker_timeout_s: float | None = key(
        None, "after this time a call is taken for hung; null is `timeout`", unit="seconds", above=0
    )
    worker_max_rss_bytes: int | None = key(
        None, "resident memory over which a worker is replaced; null is no limit", unit="bytes", at_least=1
    )
    worker_max_requests: int | None = key(
        None, "after about so many a worker is replaced; null keeps it", unit="requests", at_least=1
    )
    preload: bool = key(False, "load the model once and fork the workers")
    allow_pickle: bool = key(True, "load bundles whose artifacts could run code when they are read, or refuse them")
    device: str = key(
        "cpu",
        "where models of frameworks that can choose are loaded to; the variable `BENTOML_DEVICE` comes before it",
        form=DEVICE,
    )
    grace_s: float | None = key(None, "time that a stop waits for answers; null is `timeout`", unit="seconds", above=0)
    header_timeout_s: float = key(
        20, "time for the head of a request to arrive, and for a TLS handshake", unit="seconds", above=0
    )
    body_timeout_s: float = key(
        30, "longest silence while a body arrives or an answer is read", unit="seconds", above=0
    )
    keep_alive_s: float = key(
        75,
        "time that a connection without a request stays open: longer than a load balancer in front keeps it",
        unit="seconds",
        above=0,
    )
    trusted_proxies: list[str] = key(
        NOTHING,
        "addresses and networks of proxies, such as `10.2.0.0/16`, whose `X-Forwarded-For` says who the client is; "
        "`unix` for what connects to the unix socket",
    )
    max_request_size: int = key(20 * 1024 * 1024, "largest body of a request", unit="bytes", at_least=1)
    microbatch: Microbatch = section(Microbatch)
    ngrok: Ngrok = section(Ngrok)
    swagger: Swagger = section(Swagger)
    metrics: Metrics = section(Metrics)
    feedback: Feedback = section(Feedback)
    open_inference: OpenInference = section(OpenInference)
    sagemaker: SageMaker = section(SageMaker)
    logging: ServerLogging = section(ServerLogging)
    cors: Cors = section(Cors)
    auth: Auth = section(Auth)


class ConsoleLogging(Section):
    """Logs on the terminal."""

    enabled: bool = key(True, "log to the standard output")


class FileLogging(Section):
    """Log files."""

    enabled: bool = key(True, "log to files")
    directory: str | None = key(None, "where the files are; null is `$BENTOML_HOME/logs`")


class AccessLogging(Section):
    """One line per HTTP request, in `access.log`."""

    enabled: bool = key(True, "write it")
    format: str = key("text", "form of a line", choices=("text", "json"))
    console: bool = key(False, "whether the console gets a copy")


class PredictionLogging(Section):
    """One JSON object per prediction, in `prediction.log`."""

    enabled: bool = key(True, "write it")
    console: bool = key(True, "whether the console gets a copy")
    sample_rate: float = key(1.0, "share of the requests that are logged", at_least=0, at_most=1)
    max_field_bytes: int = key(16384, "longer inputs, results and headers are cut", unit="bytes", at_least=0)
    redact_fields: list[str] = key(
        NOTHING, "names of JSON fields whose values are replaced; what is no JSON is left out then"
    )
    redact_headers: list[str] = key(SECRET_HEADERS, "headers whose values are replaced")


class FeedbackLogging(Section):
    """What clients post to `/feedback`, in `feedback.log`."""

    enabled: bool = key(True, "write it")
    console: bool = key(True, "whether the console gets a copy")


class AdvancedLogging(Section):
    """A logging set-up of your own."""

    enabled: bool = key(False, "use `config` instead of the other keys of `logging`")
    config: dict[str, Any] | None = key(None, "a mapping for `logging.config.dictConfig`")


class Logging(Section):
    """Logs of the library and the command line."""

    level: str = key("INFO", "least severe level that is logged", choices=LOG_LEVELS)
    console: ConsoleLogging = section(ConsoleLogging)
    file: FileLogging = section(FileLogging)
    access: AccessLogging = section(AccessLogging)
    prediction: PredictionLogging = section(PredictionLogging)
    feedback: FeedbackLogging = section(FeedbackLogging)
    advanced: AdvancedLogging = section(AdvancedLogging)


class Otlp(Section):
    """OpenTelemetry export."""

    endpoint: str | None = key(
        None, "address of a collector, such as `http://localhost:4318`; null leaves it to the `OTEL_*` variables"
    )


class Zipkin(Section):
    """The classic Zipkin client."""

    url: str | None = key(None, "accepted, no effect")


class Jaeger(Section):
    """The classic Jaeger client."""

    address: str | None = key(None, "accepted, no effect")
    port: int | None = key(None, "accepted, no effect")


class Tracing(Section):
    """Traces of requests."""

    type: str | None = key(
        None,
        "`otlp`; `zipkin` and `jaeger` are accepted, no effect; null is off",
        choices=("otlp", "zipkin", "jaeger"),
        any_case=True,
    )
    sample_rate: float = key(
        1.0, "share of the requests that are traced, of those that bring no context of their own", at_least=0, at_most=1
    )
    otlp: Otlp = section(Otlp)
    zipkin: Zipkin = section(Zipkin)
    jaeger: Jaeger = section(Jaeger)


class ImageInput(Section):
    """The image adapters."""

    default_extensions: list[str] = key(IMAGE_EXTENSIONS, "extensions of the files that image adapters accept")


class Adapters(Section):
    """Input and output adapters."""

    image_input: ImageInput = section(ImageInput)


class Config(Section):
    """The whole configuration."""

    bento_bundle: BentoBundle = section(BentoBundle)
    bundles: Bundles = section(Bundles)
    storage: Storage = section(Storage)
    bento_server: BentoServer = section(BentoServer)
    logging: Logging = section(Logging)
    tracing: Tracing = section(Tracing)
    adapters: Adapters = section(Adapters)
    yatai: Yatai = section(Yatai)
