"""The process: it listens, opens catalog and store, answers, and ends when it is told to."""

from __future__ import annotations

import asyncio
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING

from bentoml._http.client_limits import ClientLimits
from bentoml._http.http_server import HttpServer, server_config
from bentoml._http.listening import tcp_address
from bentoml._http.tls import tls_context
from bentoml.yatai.server.app import RegistryApp
from bentoml.yatai.server.connection import RegistryProtocol
from bentoml.yatai.server.core import Core
from bentoml.yatai.server.table import ROUTES
from bentoml.yatai.server.telemetry import open_access_log

if sys.platform == "win32":
    from asyncio import run
else:
    from uvloop import run

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from bentoml._http.listening import Address
    from bentoml.configuration import Config
    from bentoml.yatai.server.options import RegistryServerOptions
    from bentoml.yatai.server.routes import Route

logger = logging.getLogger(__name__)

CUT_OFF_EXIT_CODE = 1


def serve_registry(config: Config, options: RegistryServerOptions, announce: Callable[[str], None]) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        config: where catalog and bundles are, and the log.
        options: of the server, made from it.
        announce: called with the address once requests are answered.

    Returns:
        0 after an orderly end, 1 when requests were cut off.

    Raises:
        BentoMLException: the address, the certificate, the catalog or the store cannot be used.
    """
    tls_context(options)
    # What goes wrong in an answer is logged once, by us, with its request id.
    logging.getLogger("uvicorn.error").disabled = True
    core = Core.open(config, options)
    address = tcp_address(
        options.host,
        options.port,
        is_tls=options.ssl_certfile is not None,
        port_name="--ui-port",
        host_name="--host",
    )
    try:
        return run(_serve(config, core, address, announce))
    finally:
        address.close()


def _routes(options: RegistryServerOptions) -> Sequence[Route]:
    """All that is answered: the pages come last, as their paths are the most general."""
    if not options.has_pages:
        return ROUTES
    from bentoml.yatai.server.web.routes import ROUTES as PAGES

    return (*ROUTES, *PAGES)


class RegistryServer(HttpServer):
    """Says when it listens.

    Attributes:
        on_started: called then.
    """

    on_started: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.on_started()


async def _serve(config: Config, core: Core, address: Address, announce: Callable[[str], None]) -> int:
    options = core.options
    access_log = open_access_log(config)
    uvicorn_config = server_config(RegistryApp(core, access_log, _routes(options)), RegistryProtocol)
    limits = ClientLimits(header_timeout_s=options.header_timeout_s, body_timeout_s=options.body_timeout_s)
    server = RegistryServer(uvicorn_config, core, options.grace_s, limits, tls_context(options))
    server.on_started = partial(announce, address.url)
    sweeper = asyncio.get_running_loop().create_task(server.sweep_connections())
    try:
        await server.serve([address.listener])
    finally:
        sweeper.cancel()
        if access_log is not None:
            access_log.close()
    if server.has_cut_off:
        logger.warning("Requests were cut off: the time to go down was over")
        return CUT_OFF_EXIT_CODE
    return 0
