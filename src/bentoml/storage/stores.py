"""From an address to the place that it names, as the configuration says."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from bentoml.configuration import get_config
from bentoml.exceptions import BadInput, BentoMLConfigException, InvalidArgument
from bentoml.storage.http_store import HttpRules, HttpStore
from bentoml.storage.network_guard import NetworkGuard, parse_networks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bentoml.storage.address import Address
    from bentoml.storage.base import ByteStore, ObjectStream


def open_store(address: Address) -> ByteStore:
    """The bucket, container or host that an address names.

    Raises:
        BentoMLConfigException: the configuration does not say enough about it.
        MissingDependencyException: the library for it is not installed.
    """
    if not address.is_web:
        from bentoml.storage.buckets import open_bucket

        return open_bucket(address)
    return HttpStore(address, _http_rules())


@contextmanager
def open_object(address: Address) -> Iterator[ObjectStream]:
    """Begin to read what is at an address.

    Raises:
        As `open_store` and `ByteStore.open`.
    """
    with open_store(address).open(address.name) as stream:
        yield stream


def write_object(address: Address, source: IO[bytes], size_bytes: int, *, replace: bool = True) -> None:
    """Write `size_bytes` from a stream to an address; what is there may be replaced, when all has arrived.

    Raises:
        As `open_store` and `ByteStore.write`.
    """
    open_store(address).write(address.name, source, size_bytes, replace=replace)


def download(address: Address, target: Path, max_bytes: int) -> None:
    """Write what is at an address into a file, in pieces.

    Args:
        address: where it is.
        target: file to make.
        max_bytes: largest size.

    Raises:
        BadInput: it is larger.
        OSError: the file cannot be written.
        As `open_object`.
    """
    with open_object(address) as stream, target.open("xb") as file:
        got_bytes = stream.size_bytes or 0
        if got_bytes <= max_bytes:
            got_bytes = 0
            for chunk in stream.chunks:
                got_bytes += len(chunk)
                if got_bytes > max_bytes:
                    break
                file.write(chunk)
        if got_bytes > max_bytes:
            raise BadInput(f"{address} is larger than {max_bytes} bytes")


def _http_rules() -> HttpRules:
    web = get_config().storage.http
    try:
        allowed = parse_networks(web.allowed_networks)
    except InvalidArgument as error:
        raise BentoMLConfigException(f"storage.http.allowed_networks: {error}") from error
    return HttpRules(
        guard=NetworkGuard(allowed),
        allow_http=web.allow_http,
        ca_file=web.ca_file,
        idle_timeout_s=web.idle_timeout_s,
        max_time_s=web.max_time_s,
        max_redirects=web.max_redirects,
    )
