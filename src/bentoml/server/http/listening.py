"""The addresses of the model server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml._http.listening import Address, tcp_address, unix_address

if TYPE_CHECKING:
    from bentoml.server.options.serve_options import ServeOptions


def bind_public(options: ServeOptions) -> Address:
    """Listen where the options say.

    Raises:
        BentoMLException: the address cannot be used.
    """
    if options.uds is not None:
        return unix_address(options.uds)
    return _tcp_address(options, options.host, options.port, "--port", "--host")


def bind_management(options: ServeOptions) -> Address | None:
    """Listen where pages and metrics are moved to; None when they stay where all else is.

    Raises:
        BentoMLException: the address cannot be used.
    """
    if options.management_port is None:
        return None
    names = ("bento_server.management_port", "bento_server.management_host")
    return _tcp_address(options, options.management_host, options.management_port, *names)


def _tcp_address(options: ServeOptions, host: str, port: int, port_name: str, host_name: str) -> Address:
    is_tls = options.ssl_certfile is not None
    return tcp_address(host, port, is_tls=is_tls, port_name=port_name, host_name=host_name)
