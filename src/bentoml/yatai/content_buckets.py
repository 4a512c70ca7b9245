"""Contents in a bucket: each is an object `<prefix>/blobs/<first two digits>/<key>`."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from bentoml._util.files import replaced_file
from bentoml.exceptions import BentoMLException, InvalidArgument, NotFound, StatusCode, YataiRepositoryException
from bentoml.storage.base import ObjectStream
from bentoml.yatai.content_store import ContentEntry, is_key, key_path, new_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bentoml.storage.address import Address
    from bentoml.storage.base import ObjectStore


_PART_BYTES = 16 << 20
_PARTS_AT_ONCE = 6


class BucketUnavailable(YataiRepositoryException):
    """The bucket cannot be used now: nobody answers, or access is refused. Whoever asks the registry cannot help it."""

    proto_status_code = StatusCode.UNAVAILABLE


class BucketContentStore:
    """Contents as objects.

    Args:
        bucket: where they are.
        address: of the bucket, with a prefix; names of all objects begin with that and `/blobs/`.
    """

    is_remote = True

    def __init__(self, bucket: ObjectStore, address: Address) -> None:
        self._bucket = bucket
        self._directory = address.child("blobs").name
        self._mark = f"{self._directory}/catalog"
        self.address = str(address)
        self.mark_address = str(address.child("blobs/catalog"))

    def read_mark(self) -> str | None:
        """See `ContentStore`."""
        with _reached():
            if not self._bucket.exists(self._mark):
                return None
            with self._bucket.open(self._mark) as stream:
                return b"".join(stream.chunks).decode("ascii", "replace")

    def write_mark(self, mark: str) -> None:
        """See `ContentStore`."""
        with _reached():
            self._bucket.write(self._mark, io.BytesIO(mark.encode()), len(mark))

    def take(self, source: Path, digest: str) -> str:
        """See `ContentStore`: the object is seen when all of it has arrived."""
        key = new_key(digest)
        try:
            with _reached(), source.open("rb") as file:
                self._bucket.write(self._name(key), file, source.stat().st_size)
        except OSError as error:
            raise YataiRepositoryException(f"{source} cannot be read: {error.strerror or error}") from error
        return key

    def reuse(self, key: str, size_bytes: int, twin: Path) -> bool:  # noqa: ARG002 - nothing is shared with a bucket
        """See `ContentStore`."""
        found = self.find(key)
        return found is not None and found.size_bytes == size_bytes

    def flush(self, keys: Collection[str]) -> None:
        """Nothing: an object that is seen is there."""

    def place(self, key: str, target: Path, *, executable: bool) -> None:
        """See `ContentStore`."""
        name = self._name(key)
        with _reached(key), self._bucket.open(name) as stream:
            try:
                with replaced_file(target, executable=executable) as part, part.open("wb") as file:
                    if stream.size_bytes is not None and stream.size_bytes > 2 * _PART_BYTES:
                        self._fetch_parts(name, stream.size_bytes, file)
                    else:
                        file.writelines(stream.chunks)
            except OSError as error:
                raise YataiRepositoryException(f"{target} cannot be written: {error.strerror or error}") from error

    def _fetch_parts(self, name: str, size_bytes: int, file: BinaryIO) -> None:
        """Read a large object in parts, several at once, as one connection is slow."""

        def fetch(start_byte: int) -> None:
            with self._bucket.open_range(name, start_byte, min(_PART_BYTES, size_bytes - start_byte)) as stream:
                for chunk in stream.chunks:
                    start_byte += _write_at(file, chunk, start_byte)

        with ThreadPoolExecutor(_PARTS_AT_ONCE) as pool:
            for _ in pool.map(fetch, range(0, size_bytes, _PART_BYTES)):  # the first failure cancels the rest
                pass

    @contextmanager
    def open(self, key: str, start_byte: int = 0, size_bytes: int | None = None) -> Iterator[ObjectStream]:
        """See `ContentStore`."""
        with ExitStack() as stack:
            with _reached(key):
                stream = stack.enter_context(self._opened(self._name(key), start_byte, size_bytes))
            yield ObjectStream(stream.size_bytes, _reached_chunks(key, stream.chunks))

    def _opened(self, name: str, start_byte: int, size_bytes: int | None) -> AbstractContextManager[ObjectStream]:
        if size_bytes is None:
            if start_byte == 0:
                return self._bucket.open(name)
            found = self._bucket.find(name)
            # What is not there is said by `open_range`, below.
            size_bytes = 0 if found is None else found.size_bytes - start_byte
        if size_bytes < 0:
            raise InvalidArgument(f"{name} ends before byte {start_byte}")
        return self._bucket.open_range(name, start_byte, size_bytes)

    def find(self, key: str) -> ContentEntry | None:
        """See `ContentStore`."""
        with _reached(key):
            found = self._bucket.find(self._name(key))
        return None if found is None else ContentEntry(key, found.size_bytes, found.modified_at)

    def entries(self) -> Iterator[ContentEntry]:
        """See `ContentStore`. Objects of other names are left out: they are not ours."""
        with _reached():
            for entry in self._bucket.entries(self._directory):
                key = PurePosixPath(entry.name).name
                if is_key(key) and entry.name == self._name(key):
                    yield ContentEntry(key, entry.size_bytes, entry.modified_at)

    def delete(self, key: str) -> None:
        """See `ContentStore`."""
        with _reached(key):
            self._bucket.delete(self._name(key))

    def signed_url(self, key: str, lifetime_s: float) -> str | None:
        """See `ContentStore`."""
        return self._bucket.signed_url(self._name(key), lifetime_s)

    def _name(self, key: str) -> str:
        return f"{self._directory}/{key_path(key)}"


def _write_at(file: BinaryIO, data: bytes, offset: int) -> int:
    """Write all of some bytes at a place of a file; how many they are."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file.fileno(), rest, offset)
        rest, offset = rest[written:], offset + written
    return len(data)


@contextmanager
def _reached(key: str | None = None) -> Iterator[None]:
    """Tell what is wrong with a bucket from what is wrong with a request; without a key nothing has to be there."""
    try:
        yield
    except (InvalidArgument, YataiRepositoryException):
        raise
    except NotFound as error:
        if key is not None:
            raise NotFound(f"the content {key} is missing, {error}; see: bentoml yatai check") from error
        raise BucketUnavailable(str(error)) from error
    except BentoMLException as error:
        raise BucketUnavailable(f"The bucket of the repository cannot be used: {error}") from error


def _reached_chunks(key: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    with _reached(key):
        yield from chunks
