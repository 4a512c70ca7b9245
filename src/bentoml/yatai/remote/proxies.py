"""Connections by way of the proxy that the environment names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError

from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    import ssl

_BLOCK_BYTES = 1 << 18


def pool_for(scheme: str, host: str, context: ssl.SSLContext, at_once: int, *, is_local: bool) -> urllib3.PoolManager:
    """Connections to a host.

    Args:
        scheme: `http` or `https`.
        host: its name.
        context: the client's side of TLS.
        at_once: how many are kept.
        is_local: whether it is on this machine, so that no proxy is asked.

    Raises:
        BentoMLConfigException: the proxy cannot be used.
    """
    options: dict[str, Any] = {"maxsize": at_once, "blocksize": _BLOCK_BYTES, "ssl_context": context}
    proxy = None if is_local or proxy_bypass(host) else getproxies().get(scheme)
    if not proxy:
        return urllib3.PoolManager(**options)
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        login = urllib3.util.parse_url(proxy).auth
        headers = urllib3.make_headers(proxy_basic_auth=unquote(login)) if login else None
        return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
    except (HTTPError, AssertionError, ValueError) as error:
        variable = f"{scheme.upper()}_PROXY"
        raise BentoMLConfigException(
            f"The proxy in {variable} cannot be used; it has to be http://HOST:PORT or https://HOST:PORT. Where {host} "
            "is reached without one, name it in NO_PROXY"
        ) from error
