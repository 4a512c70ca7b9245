"""Every key of the registry: where it is, where it keeps bundles and records, and its web server."""

from __future__ import annotations

from bentoml.configuration.key import Section, key, section

NOTHING: list[str] = []
# The longest that these stores sign for.
WEEK_S = 7 * 86400


class RemoteTls(Section):
    """Certificates for a remote registry, as paths."""

    root_ca_cert: str | None = key(None, "certificates of the authorities to trust")
    client_key: str | None = key(None, "private key of the client")
    client_cert: str | None = key(None, "certificate of the client")
    client_certificate_file: str | None = key(None, "old name of `client_cert`")


class Remote(Section):
    """The registry of a team: where it is, and who asks."""

    url: str | None = key(None, "its address, such as `https://HOST`; null uses the registry of this machine")
    access_token: str | None = key(None, "proves who you are", secret=True)
    access_token_header: str = key("access_token", "HTTP header that carries the token, beside `Authorization`")
    tls: RemoteTls = section(RemoteTls)


class FileSystemRepository(Section):
    """Bundles in a directory."""

    directory: str | None = key(None, "null is `$BENTOML_HOME/repository`")


class S3Repository(Section):
    """Bundles in S3 or a compatible store; all else is that of `storage.s3` and the `AWS_*` variables."""

    url: str | None = key(None, "`s3://BUCKET/PREFIX`")
    endpoint_url: str | None = key(None, "address of a compatible store; null is that of `storage.s3`")
    signature_version: str = key("s3v4", "how requests are signed; `s3v4` is the only way")
    expiration: int = key(3000, "how long a presigned URL is valid", unit="seconds", at_least=1, at_most=WEEK_S)


class GcsRepository(Section):
    """Bundles in Google Cloud Storage; all else is that of `storage.gcs` and the `GOOGLE_*` variables."""

    url: str | None = key(None, "`gs://BUCKET/PREFIX`")
    expiration: int = key(3000, "how long a signed URL is valid", unit="seconds", at_least=1, at_most=WEEK_S)


class AzureRepository(Section):
    """Bundles in Azure Blob Storage; all else is that of `storage.azure` and the `AZURE_*` variables."""

    url: str | None = key(None, "`azure://CONTAINER/PREFIX`")
    expiration: int = key(3000, "how long a signed URL is valid", unit="seconds", at_least=1, at_most=WEEK_S)


class Repository(Section):
    """Where bundles are kept."""

    type: str = key(
        "file_system",
        "kind of store",
        choices=("file_system", "s3", "gcs", "azure"),
    )
    file_system: FileSystemRepository = section(FileSystemRepository)
    s3: S3Repository = section(S3Repository)
    gcs: GcsRepository = section(GcsRepository)
    azure: AzureRepository = section(AzureRepository)
    keep_deleted_days: int = key(
        7, "how long a deleted bundle can be restored, and its files take room; 0: not at all", unit="days", at_least=0
    )


class Cache(Section):
    """Copies on this machine of bundles whose files are elsewhere: in a bucket, or in a remote registry."""

    directory: str | None = key(None, "where they are; null is `$BENTOML_HOME/cache`")
    max_bytes: int = key(
        20 << 30,
        "most that they take; then those go that were not used for the longest time, and that nobody uses",
        unit="bytes",
        at_least=0,
    )


class Database(Section):
    """The catalog."""

    url: str | None = key(
        None,
        "`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`; null is "
        "`sqlite:///$BENTOML_HOME/storage.db`",
    )


class YataiLogging(Section):
    """Log of the web server of the registry, one line of JSON for each request."""

    path: str | None = key(None, "its file; null is `$BENTOML_HOME/logs/yatai.log`")


class YataiServer(Section):
    """The web server of the registry, `bentoml yatai-service-start`."""

    host: str = key("127.0.0.1", "address to listen on")
    port: int = key(3000, "TCP port to listen on, 0 for a free one", at_least=0, at_most=65535)
    ui: bool = key(True, "serve the web pages, or the HTTP interface alone")
    prefix_path: str = key(".", "path before all others, such as `/registry`; `.` is none")
    ssl_certfile: str | None = key(None, "certificate chain (PEM); serves HTTPS")
    ssl_keyfile: str | None = key(None, "private key of the certificate (PEM)")
    allowed_hosts: list[str] = key(
        NOTHING, "names that requests may give in `Host` where nobody has to log in, beside those of this machine"
    )
    grace_s: float = key(30, "time that a stop waits for answers", unit="seconds", above=0)
    header_timeout_s: float = key(20, "time for the head of a request to arrive", unit="seconds", above=0)
    body_timeout_s: float = key(
        30, "longest silence while a body arrives or an answer is read", unit="seconds", above=0
    )
    max_document_bytes: int = key(8 << 20, "largest JSON body", unit="bytes", at_least=1024)
    max_bundle_bytes: int = key(1 << 40, "largest bundle", unit="bytes", at_least=1)
    max_concurrency: int = key(512, "requests that are answered at the same time; more get a 503", at_least=1)
    metrics: bool = key(True, "serve Prometheus text at `/metrics`")
    access_log: bool = key(True, "write a line of JSON for each request to `yatai.logging.path`")


class YataiAuth(Section):
    """Who may use the web server of the registry."""

    required: bool | None = key(
        None, "whether everybody has to say who they are; null: unless only this machine can reach the server"
    )
    session_s: float = key(12 * 3600, "how long a login of the web pages lasts", unit="seconds", above=0)
    login_failures: int = key(10, "wrong passwords for one user, or from one address, within a minute", at_least=1)


class Yatai(Section):
    """The registry."""

    remote: Remote = section(Remote)
    repository: Repository = section(Repository)
    cache: Cache = section(Cache)
    database: Database = section(Database)
    namespace: str = key("dev", "namespace of deployments")
    logging: YataiLogging = section(YataiLogging)
    server: YataiServer = section(YataiServer)
    auth: YataiAuth = section(YataiAuth)
