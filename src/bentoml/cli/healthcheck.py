"""`bentoml healthcheck`: whether the server beside it can answer, for whoever runs a command to know."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bentoml.cli.options import bento_command
from bentoml.exceptions import CLIException

if TYPE_CHECKING:
    from bentoml.cli.command import Verbosity

_FIRST_PROCESS = Path("/proc/1/cmdline")
_PORT = re.compile(r"(?:^|\0)(?:--port|-p)(?:=|\0)?(?P<port>[0-9]{1,5})(?=\0|$)")
_HAS_TLS = re.compile(r"(?:^|\0)--ssl-certfile(?:=|\0)")


@bento_command("healthcheck", short_help="Ask the server on this machine whether it can answer.")
@click.option(
    "-p", "--port", type=click.IntRange(1, 65535), help="Its port.  [that of the container's server, else 5000]"
)
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), default=5.0, show_default=True,
              metavar="SECONDS", help="How long an answer may take.")  # fmt: skip
@click.pass_obj
def healthcheck_command(verbosity: Verbosity, port: int | None, timeout_s: float) -> None:
    """Ask the server on this machine at /healthz whether it can answer; exit with 0 when it can, else with 1.

    With --quiet nothing is printed but what is wrong.

    In a container the port is that of the command line that the container was started with, or of PORT or BENTOML_PORT.
    """
    first = _first_command_line()
    found = _found_port(first) if port is None else port
    status = _status(found, timeout_s, has_tls=_HAS_TLS.search(first) is not None)
    if status != 200:
        raise CLIException(f"the server on port {found} answers with status {status}; it starts, ends or is overloaded")
    if not verbosity.quiet:
        click.echo(f"the server on port {found} can answer")


def _first_command_line() -> str:
    """The arguments of the first process, which in a container is the server or started it; NUL between them."""
    if not _FIRST_PROCESS.is_file():
        return ""
    return _FIRST_PROCESS.read_bytes().decode("utf-8", "replace")


def _found_port(command_line: str) -> int:
    from bentoml.configuration import get_config

    given = _PORT.search(command_line)
    if given is not None:
        return int(given["port"])
    # As docker-entrypoint.sh does.
    variable = os.environ.get("PORT") or os.environ.get("BENTOML_PORT")
    if variable is not None and variable.isdecimal():
        return int(variable)
    return get_config().bento_server.port


def _status(port: int, timeout_s: float, *, has_tls: bool) -> int:
    """The status of the answer.

    Raises:
        CLIException: there is none.
    """
    import contextlib
    import http.client
    import ssl

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    if has_tls:
        # The certificate is that of a public name, and nothing secret is asked or told.
        context = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout_s, context=context)
    try:
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise CLIException(f"no server answers on port {port}: {error}") from error
