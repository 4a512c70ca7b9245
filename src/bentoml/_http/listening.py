"""The addresses of a server: a TCP port, over IPv4 or IPv6, or a unix socket."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
from ipaddress import ip_address
from pathlib import Path

from bentoml.exceptions import BentoMLException

BACKLOG = 2048
# Whoever reaches the socket's directory may connect, as with other servers; who may not is kept out by the directory.
_SOCKET_MODE = 0o666
_PROBE_S = 1.0
# `sun_path` holds 108 bytes on Linux and 104 elsewhere, with a final zero.
MAX_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to print instead


class Address:
    """Where a server listens.

    Args:
        listener: the bound socket.
        url: what to call the address in front of users: `http://127.0.0.1:5000`, `https://[::1]:5000`, `unix:PATH`.
    """

    def __init__(self, listener: socket.socket, url: str) -> None:
        self.listener = listener
        self.url = url
        self._socket_file: tuple[Path, int, int] | None = None
        if listener.family == socket.AF_UNIX:
            path = Path(listener.getsockname()).absolute()
            status = path.stat()
            self._socket_file = (path, status.st_dev, status.st_ino)

    def close(self) -> None:
        """Close this process's hold of the socket, and remove the socket file unless it is another server's by now."""
        self.listener.close()
        if self._socket_file is not None:
            path, device, inode = self._socket_file
            with contextlib.suppress(OSError):
                status = path.stat()
                if (status.st_dev, status.st_ino) == (device, inode):
                    path.unlink()


def unix_address(path: str) -> Address:
    """Listen on a unix socket.

    Args:
        path: of its file.

    Raises:
        BentoMLException: the path cannot be used.
    """
    return Address(_bind_unix(path), f"unix:{path}")


def tcp_address(host: str, port: int, *, is_tls: bool, port_name: str, host_name: str) -> Address:
    """Listen on a TCP port.

    Args:
        host: a name or an address.
        port: 0 takes a free one.
        is_tls: whether it is called `https`.
        port_name: how users set the port.
        host_name: how users set the host.

    Raises:
        BentoMLException: the address cannot be used.
    """
    listener = _bind_tcp(host, port, port_name, host_name)
    bound_host, bound_port = listener.getsockname()[:2]
    return Address(listener, f"{'https' if is_tls else 'http'}://{_shown_host(host, bound_host)}:{bound_port}")


# -- TCP --------------------------------------------------------------------------------------------------------


def _bind_tcp(host: str, port: int, port_name: str, host_name: str) -> socket.socket:
    """Listen; see `tcp_address`."""
    host_advice = f"name an address of this machine with {host_name}, such as 127.0.0.1"
    address = host.strip()
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    try:
        infos = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise BentoMLException(f"cannot listen on {shown}: {_reason(error)}; {host_advice}") from error
    # A name may stand for addresses of both kinds; most clients try IPv4 in any case.
    family, kind, protocol, _, sockaddr = min(infos, key=lambda info: info[0] != socket.AF_INET)
    try:
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise BentoMLException(f"cannot listen on {shown}: {_reason(error)}; {host_advice}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `::` takes IPv4 as well, wherever the system can do that.
            with contextlib.suppress(OSError):
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(sockaddr)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        is_port = error.errno in {errno.EADDRINUSE, errno.EACCES}
        advice = f"choose another port with {port_name}" if is_port else host_advice
        raise BentoMLException(f"cannot listen on {shown}: {_reason(error)}; {advice}") from error
    return listener


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _shown_host(asked: str, bound: str) -> str:
    """The host part of the URL: a name as it was given, because certificates are for names."""
    try:
        is_v6 = ip_address(bound.partition("%")[0]).version == 6
        ip_address(asked.strip().strip("[]").partition("%")[0])
    except ValueError:
        return asked.strip()
    shown = _LOOPBACK_OF.get(bound, bound)
    return f"[{shown}]" if is_v6 else shown


# -- unix sockets -----------------------------------------------------------------------------------------------


def _bind_unix(text: str) -> socket.socket:
    path = Path(text)
    size_bytes = len(os.fsencode(text))
    if size_bytes > MAX_SOCKET_PATH_BYTES:
        raise BentoMLException(
            f"cannot listen on unix:{text}: a path of {size_bytes} bytes is too long for a socket, the limit is "
            f"{MAX_SOCKET_PATH_BYTES}; choose a shorter one with --uds"
        )
    listener = socket.socket(socket.AF_UNIX)
    try:
        _clear_away_stale(path)
        listener.bind(text)
        path.chmod(_SOCKET_MODE)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise BentoMLException(
            f"cannot listen on unix:{text}: {_reason(error)}; choose a path in a directory that can be written to"
        ) from error
    except BentoMLException:
        listener.close()
        raise
    return listener


def _clear_away_stale(path: Path) -> None:
    """Remove a socket file that a killed server has left behind; anything else stays.

    Raises:
        BentoMLException: the path is taken.
        OSError: it cannot be looked at or removed.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise BentoMLException(
            f"cannot listen on unix:{path}: the file is there and is no socket; choose another path with --uds"
        )
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            reason = _reason(error)
        else:
            reason = "another server listens on it"
    raise BentoMLException(f"cannot listen on unix:{path}: {reason}; choose another path with --uds")
