"""The entry to the registry: `get_yatai_client().repository`.

Opening a client is free; the database is opened by the first call that needs it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bentoml.configuration import bentoml_home, get_config
from bentoml.exceptions import YataiServiceException

if TYPE_CHECKING:
    from bentoml.configuration import Config
    from bentoml.yatai.database import Database
    from bentoml.yatai.local import LocalRegistry
    from bentoml.yatai.registry import Registry
    from bentoml.yatai.repository import BentoRepository

__all__ = ["YataiClient", "get_yatai_client"]


def get_yatai_client(yatai_url: str | None = None) -> YataiClient:
    """The client of a registry.

    Args:
        yatai_url: address of a remote registry; None for `yatai.remote.url` of the configuration, and when that is
            not set either, for the registry under `$BENTOML_HOME`.

    Raises:
        YataiServiceException: a remote registry is asked for, by argument or configuration; this version has none.
    """
    url = get_config().yatai.remote.url if yatai_url is None else yatai_url
    if url:
        raise YataiServiceException(
            f"Remote registries are not available in this version, so {url} cannot be used; "
            "leave out the Yatai URL (and unset yatai.remote.url) to use the local registry"
        )
    return YataiClient()


class YataiClient:
    """Access to one registry.

    Args:
        registry: the registry; by default the local one that the configuration names.
        url: its address, without any secret; None for the registry of this machine.
    """

    def __init__(self, registry: Registry | None = None, url: str | None = None) -> None:
        self._registry = registry
        self._url = url
        self._repository: BentoRepository | None = None

    @property
    def repository(self) -> BentoRepository:
        """The bundles."""
        if self._repository is None:
            from bentoml.yatai.repository import BentoRepository

            registry = self._registry or open_local_registry(get_config())
            self._repository = BentoRepository(registry, self._url, lambda: open_local_registry(get_config()))
        return self._repository


def open_local_registry(config: Config) -> LocalRegistry:
    """The registry in this process: catalog and files where the configuration says, by default `$BENTOML_HOME`.

    Raises:
        BentoMLConfigException: the configured storage or database cannot be used by this version.
        MissingDependencyException: the driver of the configured database, or the library for buckets, is not installed.
    """
    from bentoml.yatai.local import LocalRegistry
    from bentoml.yatai.repository_store import open_blob_store, open_cache

    blobs, cache = open_blob_store(config), open_cache(config)
    keep_deleted = timedelta(days=config.yatai.repository.keep_deleted_days)
    return LocalRegistry(open_database(config), blobs, cache=cache, keep_deleted=keep_deleted)


def open_database(config: Config) -> Database:
    """The database of the registry in this process, which holds users and the audit log as well.

    Raises:
        BentoMLConfigException: the configured database cannot be used.
        MissingDependencyException: its driver is not installed.
    """
    from bentoml.yatai import database_address

    return database_address.open_database(config.yatai.database.url, (bentoml_home() / "storage.db").absolute())
