"""How a registry on another machine is spoken to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.configuration import bentoml_home

if TYPE_CHECKING:
    from bentoml.configuration import Config


@dataclass(frozen=True)
class RemoteSettings:
    """What a client of a registry needs to know.

    Attributes:
        access_token: proves who asks; None for nobody.
        access_token_header: a header that carries the token beside `Authorization`.
        ca_file: certificates of the authorities to trust, PEM; None takes those of the system.
        client_certificate: certificate that the client shows, PEM; None for none.
        client_key: its private key; None when it is in the same file.
        connect_timeout_s: longest time to get a connection.
        idle_timeout_s: longest silence of the registry. There is no limit on the whole time.
        retry_for_s: how long what fails in a way that may pass is tried again, from the first failure on.
        at_once: contents that are sent, or loaded, at the same time.
        piece_bytes: most that one request sends of a content.
        cache_directory: where copies of bundles are kept; None is `$BENTOML_HOME/cache`.
        cache_max_bytes: most that they take.
    """

    access_token: str | None = field(default=None, repr=False)
    access_token_header: str = "access_token"  # noqa: S105 - the name of a header
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    connect_timeout_s: float = 10
    idle_timeout_s: float = 60
    retry_for_s: float = 60
    at_once: int = 4
    piece_bytes: int = 1 << 30
    cache_directory: Path | None = None
    cache_max_bytes: int = 20 << 30

    @classmethod
    def of(cls, config: Config) -> RemoteSettings:
        """Those of the configuration, `yatai.remote` and `yatai.cache`."""
        remote = config.yatai.remote
        return cls(
            access_token=remote.access_token or None,
            access_token_header=remote.access_token_header,
            ca_file=_path(remote.tls.root_ca_cert),
            client_certificate=_path(remote.tls.client_cert or remote.tls.client_certificate_file),
            client_key=_path(remote.tls.client_key),
            cache_directory=_path(config.yatai.cache.directory),
            cache_max_bytes=config.yatai.cache.max_bytes,
        )

    @property
    def cache_root(self) -> Path:
        """The directory of the copies."""
        return (self.cache_directory or bentoml_home() / "cache").absolute()


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None
