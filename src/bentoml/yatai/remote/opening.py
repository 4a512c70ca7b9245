"""The way to a registry on another machine."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from bentoml.yatai.remote.address import RegistryAddress
from bentoml.yatai.remote.api import Api
from bentoml.yatai.remote.patience import Patience
from bentoml.yatai.remote.registry import RemoteRegistry
from bentoml.yatai.remote.settings import RemoteSettings
from bentoml.yatai.remote.transport import Transport

if TYPE_CHECKING:
    from bentoml.yatai.registry import KeepsContents
    from bentoml.yatai.remote.progress import Progress

logger = logging.getLogger(__name__)

_warned: set[str] = set()


def open_registry(
    url: str,
    settings: RemoteSettings | None = None,
    *,
    progress: Progress | None = None,
    held: KeepsContents | None = None,
) -> RemoteRegistry:
    """The registry at an address; nothing is asked until something is to be known.

    Args:
        url: `https://HOST`, `http://HOST:PORT` or `HOST:PORT`, which is HTTP, with or without a path; `grpcs` and
            `grpc` mean `https` and `http`.
        settings: how to speak to it; None for the usual ones, without a token.
        progress: is called with the bytes that are there and those of all, while files are sent or loaded; in
            any thread, by one at a time.
        held: has contents that need not be loaded, such as a `LocalRegistry`.

    Raises:
        InvalidArgument: the address is none.
        BentoMLConfigException: a certificate cannot be used, or the token is none.
    """
    address = RegistryAddress.parse(url)
    settings = settings or RemoteSettings()
    _warn_of_open_token(address, settings)
    api = Api(Transport(address, settings), partial(Patience, settings.retry_for_s))
    return RemoteRegistry(api, settings, progress=progress, held=held)


def _warn_of_open_token(address: RegistryAddress, settings: RemoteSettings) -> None:
    """Say once for each host that everybody on the way can read the token."""
    if settings.access_token is None or address.is_secure or address.is_loopback or address.host in _warned:
        return
    _warned.add(address.host)
    logger.warning("The access token goes to %s without TLS: everybody on the way can read it; use https://", address)
