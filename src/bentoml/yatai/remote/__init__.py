"""Registries on other machines: the same verbs as those of the registry in this process, over HTTP.

`open_registry` -> `RemoteRegistry` -> `Api` (what is asked, retries, errors) -> `Transport` (connections).
"""

from bentoml.yatai.remote.address import RegistryAddress
from bentoml.yatai.remote.opening import open_registry
from bentoml.yatai.remote.registry import RemoteRegistry
from bentoml.yatai.remote.settings import RemoteSettings

__all__ = ["RegistryAddress", "RemoteRegistry", "RemoteSettings", "open_registry"]
