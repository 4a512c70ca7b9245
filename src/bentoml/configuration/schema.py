"""Every key of the configuration file, with its type and default.

The names are those of the file; a unit that a name does not carry stands in the comment beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

IMAGE_EXTENSIONS = (".jpg", ".png", ".jpeg", ".tiff", ".webp", ".bmp")
# Fields of requests and answers that hold credentials.
SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token")


@dataclass(frozen=True)
class BentoBundle:
    """What is written into a saved bundle."""

    deployment_version: str | None = None  # library version recorded in bentoml.yml
    default_docker_base_image: str | None = None  # None: python:X.Y-slim


@dataclass(frozen=True)
class Switch:
    """A feature that is on or off."""

    enabled: bool = True


@dataclass(frozen=True)
class Microbatch:
    """Overrides for every API of the service."""

    enabled: bool = True  # accepted, no effect; max_batch_size: 1 turns merging off
    workers: int = 1  # accepted, no effect; one queue feeds all workers
    max_batch_size: int | None = None  # requests
    max_latency: int | None = None  # milliseconds


@dataclass(frozen=True)
class Ngrok:
    """Accepted, no effect."""

    enabled: bool = False


@dataclass(frozen=True)
class Metrics:
    """The `/metrics` endpoint."""

    enabled: bool = True
    namespace: str = "BENTOML"


@dataclass(frozen=True)
class ServerLogging:
    """Logs of the server processes."""

    level: str = "INFO"


@dataclass(frozen=True)
class Cors:
    """Cross-origin requests; without `enabled` no `Access-Control-*` header is sent."""

    enabled: bool = False
    access_control_allow_origin: str | None = None
    access_control_allow_credentials: bool | None = None
    access_control_allow_methods: str | list[str] | None = None
    access_control_allow_headers: str | list[str] | None = None
    access_control_max_age: int | None = None  # seconds
    access_control_expose_headers: str | list[str] | None = None


@dataclass(frozen=True)
class BentoServer:
    """The model server."""

    port: int = 5000
    workers: int | None = 1  # None: CPUs // 2 + 1
    timeout: int = 60  # seconds
    worker_timeout_s: int | None = None  # None: timeout
    worker_max_rss_bytes: int | None = None  # resident memory of one worker
    worker_max_requests: int | None = None
    preload: bool = False  # load once, fork the workers
    grace_s: int | None = None  # None: timeout
    header_timeout_s: int = 20
    body_timeout_s: int = 30  # between two parts of a body
    max_request_size: int = 20 * 1024 * 1024  # bytes
    microbatch: Microbatch = field(default_factory=Microbatch)
    ngrok: Ngrok = field(default_factory=Ngrok)
    swagger: Switch = field(default_factory=Switch)
    metrics: Metrics = field(default_factory=Metrics)
    feedback: Switch = field(default_factory=Switch)
    logging: ServerLogging = field(default_factory=ServerLogging)
    cors: Cors = field(default_factory=Cors)


@dataclass(frozen=True)
class FileLogging:
    """Log files."""

    enabled: bool = True
    directory: str | None = None  # None: $BENTOML_HOME/logs


@dataclass(frozen=True)
class AdvancedLogging:
    """A `logging.config.dictConfig` that replaces the rest of the section."""

    enabled: bool = False
    config: dict[str, Any] | None = None


@dataclass(frozen=True)
class AccessLogging:
    """One line per HTTP request, in `access.log`."""

    enabled: bool = True
    format: str = "text"  # text or json
    console: bool = False  # whether the console gets a copy


@dataclass(frozen=True)
class PredictionLogging:
    """One JSON object per prediction, in `prediction.log`."""

    enabled: bool = True
    console: bool = True  # whether the console gets a copy
    sample_rate: float = 1.0  # share of the requests that are logged, 0 to 1
    max_field_bytes: int = 16384  # longer inputs and results are cut
    redact_fields: list[str] = field(default_factory=list)  # names in JSON inputs and results
    redact_headers: list[str] = field(default_factory=lambda: list(SECRET_HEADERS))


@dataclass(frozen=True)
class FeedbackLogging:
    """What clients post to `/feedback`, in `feedback.log`."""

    enabled: bool = True
    console: bool = True  # whether the console gets a copy


@dataclass(frozen=True)
class Logging:
    """Logs of the library and the command line."""

    level: str = "INFO"
    console: Switch = field(default_factory=Switch)
    file: FileLogging = field(default_factory=FileLogging)
    access: AccessLogging = field(default_factory=AccessLogging)
    prediction: PredictionLogging = field(default_factory=PredictionLogging)
    feedback: FeedbackLogging = field(default_factory=FeedbackLogging)
    advanced: AdvancedLogging = field(default_factory=AdvancedLogging)


@dataclass(frozen=True)
class Otlp:
    """OpenTelemetry export."""

    endpoint: str | None = None


@dataclass(frozen=True)
class Zipkin:
    """Accepted, no effect."""

    url: str | None = None


@dataclass(frozen=True)
class Jaeger:
    """Accepted, no effect."""

    address: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class Tracing:
    """Tracing; off without a type."""

    type: str | None = None  # otlp
    otlp: Otlp = field(default_factory=Otlp)
    zipkin: Zipkin = field(default_factory=Zipkin)
    jaeger: Jaeger = field(default_factory=Jaeger)


@dataclass(frozen=True)
class ImageInput:
    """Image adapters."""

    default_extensions: list[str] = field(default_factory=lambda: list(IMAGE_EXTENSIONS))


@dataclass(frozen=True)
class Adapters:
    """Input and output adapters."""

    image_input: ImageInput = field(default_factory=ImageInput)


@dataclass(frozen=True)
class RemoteTls:
    """Certificates for a remote registry; paths."""

    root_ca_cert: str | None = None
    client_key: str | None = None
    client_cert: str | None = None
    client_certificate_file: str | None = None  # old name of client_cert


@dataclass(frozen=True)
class Remote:
    """A remote registry."""

    url: str | None = None
    access_token: str | None = None
    access_token_header: str = "access_token"  # noqa: S105 - the name of a header
    tls: RemoteTls = field(default_factory=RemoteTls)


@dataclass(frozen=True)
class FileSystemRepository:
    """Bundles in a directory."""

    directory: str | None = None  # None: $BENTOML_HOME/repository


@dataclass(frozen=True)
class S3Repository:
    """Bundles in S3 or a compatible store."""

    url: str | None = None
    endpoint_url: str | None = None
    signature_version: str = "s3v4"
    expiration: int = 3000  # seconds a presigned URL is valid


@dataclass(frozen=True)
class GcsRepository:
    """Bundles in Google Cloud Storage."""

    url: str | None = None
    expiration: int = 3000  # seconds a signed URL is valid


@dataclass(frozen=True)
class Repository:
    """Where bundles are kept."""

    type: str = "file_system"  # file_system, s3 or gcs
    file_system: FileSystemRepository = field(default_factory=FileSystemRepository)
    s3: S3Repository = field(default_factory=S3Repository)
    gcs: GcsRepository = field(default_factory=GcsRepository)


@dataclass(frozen=True)
class Database:
    """The catalog."""

    url: str | None = None  # None: sqlite:///$BENTOML_HOME/storage.db


@dataclass(frozen=True)
class YataiLogging:
    """Log of the registry's web server."""

    path: str | None = None


@dataclass(frozen=True)
class Yatai:
    """The registry."""

    remote: Remote = field(default_factory=Remote)
    repository: Repository = field(default_factory=Repository)
    database: Database = field(default_factory=Database)
    namespace: str = "dev"
    logging: YataiLogging = field(default_factory=YataiLogging)


@dataclass(frozen=True)
class Config:
    """The whole configuration."""

    bento_bundle: BentoBundle = field(default_factory=BentoBundle)
    bento_server: BentoServer = field(default_factory=BentoServer)
    logging: Logging = field(default_factory=Logging)
    tracing: Tracing = field(default_factory=Tracing)
    adapters: Adapters = field(default_factory=Adapters)
    yatai: Yatai = field(default_factory=Yatai)
