"""The entry to the registry: `get_yatai_client().repository`, `get_yatai_client().deployment`.

Opening a client is free; the database is opened by the first call that needs it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bentoml.configuration import bentoml_home, get_config
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.configuration import Config
    from bentoml.yatai.bundle_tree import BundleTree
    from bentoml.yatai.database import Database
    from bentoml.yatai.deployment_client import DeploymentClient
    from bentoml.yatai.local import LocalRegistry
    from bentoml.yatai.registry import Registry
    from bentoml.yatai.remote import RemoteSettings
    from bentoml.yatai.repository import BentoRepository

    Progress = Callable[[int, int], None]

__all__ = ["YataiClient", "get_yatai_client"]

logger = logging.getLogger(__name__)


def get_yatai_client(yatai_url: str | None = None, *, progress: Progress | None = None) -> YataiClient:
    """The client of a registry.

    Args:
        yatai_url: address of a remote registry; None for `yatai.remote.url` of the configuration, and when that is
            not set either, for the registry of this machine; an empty text always means that one.
        progress: is called with the bytes that are there and those of all, while files are sent or loaded; in any
            thread, by one at a time.

    Raises:
        InvalidArgument: it is no address.
        BentoMLConfigException: a certificate or the token in `yatai.remote` cannot be used.
    """
    config = get_config()
    url = config.yatai.remote.url if yatai_url is None else yatai_url
    if not url:
        return YataiClient()
    from bentoml.yatai.remote import open_registry

    registry = open_registry(url, _settings_for(url, config), progress=progress, held=_ContentsHere())
    return YataiClient(registry, registry.url)


def _settings_for(url: str, config: Config) -> RemoteSettings:
    """How to speak to a registry; the token that is configured for one registry is not shown to another."""
    from bentoml.yatai.remote import RegistryAddress, RemoteSettings

    settings, configured = RemoteSettings.of(config), config.yatai.remote.url
    if not configured or settings.access_token is None:
        return settings
    asked, owner = (RegistryAddress.parse(text) for text in (url, configured))
    if (asked.scheme, asked.host, asked.port) == (owner.scheme, owner.host, owner.port):
        return settings
    logger.warning(
        "yatai.remote.access_token is for %s, so %s does not get it; name both in BENTOML__YATAI__REMOTE__URL and "
        "BENTOML__YATAI__REMOTE__ACCESS_TOKEN to say who you are there",
        owner,
        asked,
    )
    return replace(settings, access_token=None)


class _ContentsHere:
    """What the registry of this machine has need not be loaded. It is opened when files are to be loaded."""

    def kept_contents(self, tree: BundleTree) -> frozenset[str]:
        """Digests of those contents of a tree that are here."""
        try:
            return open_local_registry(get_config()).kept_contents(tree)
        except BentoMLException as error:
            logger.warning("The registry of this machine cannot be read, so all files are loaded: %s", error)
            return frozenset()

    def fill(self, tree: BundleTree, directory: Path) -> None:
        """Make the files of a tree in a directory."""
        open_local_registry(get_config()).fill(tree, directory)


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
    def registry(self) -> Registry:
        """The registry itself."""
        if self._registry is None:
            self._registry = open_local_registry(get_config())
        return self._registry

    @property
    def repository(self) -> BentoRepository:
        """The bundles."""
        if self._repository is None:
            from bentoml.yatai.repository import BentoRepository

            self._repository = BentoRepository(self.registry, self._url, lambda: open_local_registry(get_config()))
        return self._repository

    @property
    def deployment(self) -> DeploymentClient:
        """The records of deployments."""
        from bentoml.yatai.deployment_client import DeploymentClient

        return DeploymentClient(lambda: self.registry)


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
