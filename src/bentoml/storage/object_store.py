"""Objects in buckets: S3 and what is compatible with it, Google Cloud Storage, Azure; through the library `obstore`."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from bentoml._util.optional import require
from bentoml.exceptions import BentoMLException, InvalidArgument, NotFound, Unauthenticated
from bentoml.storage.base import ALREADY_THERE, ObjectEntry, ObjectStream

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

# Each is a request of its own, which is tried again when it fails. A part of an upload cannot be smaller than 5 MiB,
# and there can be 10,000 of them.
_PIECE_BYTES = 16 << 20
_PARTS_AT_A_TIME = 4
_LONGEST_TEXT = 300
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*(\w+)")
_SYSTEM = re.compile(r'\bcode: \d+,\s*kind: \w+,\s*message: "([\w ]{1,80})"')
_QUERY = re.compile(r"(?<!<)\?\S*")


class BucketStore:
    """The objects of one bucket.

    Args:
        store: a store of `obstore`.
        address: of the bucket, such as `s3://bucket`, for messages.
        can_sign: whether addresses that the library signs are of use.
    """

    def __init__(self, store: Any, address: str, *, can_sign: bool = True) -> None:
        self._store = store
        self._address = address
        self._can_sign = can_sign
        self._library = require("obstore")

    @contextmanager
    def open(self, name: str) -> Iterator[ObjectStream]:
        """Begin to read an object; when it is replaced meanwhile, that is an error.

        Raises:
            NotFound: there is none.
            Unauthenticated: access is refused.
            BentoMLException: the store cannot be reached, or fails.
        """
        self._refuse_bucket(name)
        with self._translated(name):
            about = self._library.head(self._store, name)
        yield ObjectStream(about["size"], self._pieces(name, 0, about["size"], about["e_tag"]))

    @contextmanager
    def open_range(self, name: str, start_byte: int, size_bytes: int) -> Iterator[ObjectStream]:
        """Begin to read a part of an object; when it is replaced meanwhile, that is an error.

        Raises:
            InvalidArgument: the object ends before.
            As `open`.
        """
        self._refuse_bucket(name)
        with self._translated(name):
            about = self._library.head(self._store, name)
        end_byte = start_byte + size_bytes
        if not 0 <= start_byte <= end_byte <= about["size"]:
            raise InvalidArgument(
                f"{self._address}/{name} has {about['size']} bytes, and not those from {start_byte} to {end_byte}"
            )
        yield ObjectStream(size_bytes, self._pieces(name, start_byte, end_byte, about["e_tag"]))

    def write(self, name: str, source: IO[bytes], size_bytes: int, *, replace: bool = True) -> None:
        """Write an object: in one request, or in parts that become an object when all have arrived.

        What has arrived is thrown away when something goes wrong. Whether there is one of that name is asked before:
        what another writes at the same time may still be replaced.

        Raises:
            As `open`; also when there is one that is not to be replaced.
        """
        self._refuse_bucket(name)
        if not replace and self.exists(name):
            raise BentoMLException(f"{self._address}/{name}: {ALREADY_THERE}")
        pieces = _read_pieces(source, size_bytes)
        body = pieces if size_bytes > _PIECE_BYTES else b"".join(pieces)
        with self._translated(name):
            self._library.put(
                self._store,
                name,
                body,
                use_multipart=size_bytes > _PIECE_BYTES,
                chunk_size=_PIECE_BYTES,
                max_concurrency=_PARTS_AT_A_TIME,
            )

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name.

        Raises:
            Unauthenticated: access is refused.
            BentoMLException: the store cannot be reached, or fails.
        """
        return self.find(name) is not None

    def find(self, name: str) -> ObjectEntry | None:
        """What is known about an object; None when there is none of this name.

        Raises:
            As `exists`.
        """
        try:
            with self._translated(name):
                return _as_entry(self._library.head(self._store, name))
        except NotFound:
            return None

    def names(self, prefix: str = "") -> Iterator[str]:
        """Names of the objects in a directory and below it.

        Raises:
            As `exists`.
        """
        return (entry.name for entry in self.entries(prefix))

    def entries(self, prefix: str = "") -> Iterator[ObjectEntry]:
        """What is known about the objects in a directory and below it.

        Raises:
            As `exists`.
        """
        with self._translated(prefix):
            for page in self._library.list(self._store, prefix or None):
                yield from map(_as_entry, page)

    def delete(self, name: str) -> None:
        """Remove an object; nothing happens when there is none of this name.

        Raises:
            As `exists`.
        """
        self._refuse_bucket(name)
        # Of a name that is not there some stores say so, others nothing.
        with suppress(NotFound), self._translated(name):
            self._library.delete(self._store, name)

    def signed_url(self, name: str, lifetime_s: float) -> str | None:
        """An address of the web that reads an object; None where these credentials cannot sign."""
        self._refuse_bucket(name)
        if not self._can_sign:
            return None
        if self._address.startswith("azure:") and quote(name) != name:
            return None  # the library signs the quoted name there, which Azure refuses
        try:
            return str(self._library.sign(self._store, "GET", name, timedelta(seconds=lifetime_s)))
        except require("obstore.exceptions").BaseError as error:
            logger.debug("%s: addresses cannot be signed: %s", self._address, _first_words(error))
            return None

    def _refuse_bucket(self, name: str) -> None:
        if not name:
            raise InvalidArgument(
                f"{self._address} is a whole bucket; name an object in it, as {self._address}/x.tar.gz"
            )

    def _pieces(self, name: str, start_byte: int, end_byte: int, tag: str | None) -> Iterator[bytes]:
        for start in range(start_byte, end_byte, _PIECE_BYTES):
            end = min(start + _PIECE_BYTES, end_byte)
            with self._translated(name):
                options = {"range": (start, end), "if_match": tag}
                piece = self._library.get(self._store, name, options=options).bytes().to_bytes()
            if len(piece) != end - start:
                raise BentoMLException(f"{self._address}/{name}: the store sent {len(piece)} bytes of {end - start}")
            yield piece

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        """Say what went wrong, without signatures that are in the addresses of requests."""
        kinds = require("obstore.exceptions")
        where = f"{self._address}/{name}"
        try:
            yield
        except (FileNotFoundError, kinds.NotFoundError):
            raise NotFound(f"{where}: there is no such object, or no such bucket") from None
        except (PermissionError, kinds.PermissionDeniedError, kinds.UnauthenticatedError) as error:
            raise Unauthenticated(f"{where}: access is refused; check the credentials: {_first_words(error)}") from None
        except kinds.PreconditionError:
            raise BentoMLException(f"{where} was replaced while it was read; try again") from None
        except kinds.BaseError as error:
            raise BentoMLException(f"{where}: {_first_words(error)}") from None


def _read_pieces(source: IO[bytes], size_bytes: int) -> Iterator[bytes]:
    left = size_bytes
    while left > 0:
        piece = source.read(min(left, _PIECE_BYTES))
        if not piece:
            raise BentoMLException(f"there are {size_bytes - left} bytes to write, and not {size_bytes}")
        left -= len(piece)
        yield piece


def _as_entry(about: Any) -> ObjectEntry:
    return ObjectEntry(about["path"], about["size"], about["last_modified"])


def _first_words(error: Exception) -> str:
    """The first line of a text of the library, which goes on for pages, and the reason, which stands at their end."""
    first, _, rest = str(error).partition("\n")
    words = _QUERY.sub("?...", first)[:_LONGEST_TEXT]
    certificate, system = _CERTIFICATE.search(rest), _SYSTEM.search(rest)
    if certificate is not None:
        return (
            f"{words}: the certificate of the server is not trusted ({certificate[1]}); name the authority in "
            "storage.http.ca_file"
        )
    return words if system is None else f"{words}: {system[1]}"
