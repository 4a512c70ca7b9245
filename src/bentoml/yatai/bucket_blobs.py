"""Bundles in a bucket: their contents are objects, and what puts them together is in the catalog alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument, YataiRepositoryException
from bentoml.yatai.content_buckets import BucketContentStore
from bentoml.yatai.models import UriType
from bentoml.yatai.staging import StagingArea, StagingError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from bentoml.storage.address import Address
    from bentoml.storage.base import ObjectStore
    from bentoml.types import Tag

_URI_TYPES = {"s3": UriType.S3, "gs": UriType.GCS, "azure": UriType.AZURE_BLOB_STORAGE}


class BucketBlobStore:
    """Bundles below an address of a bucket.

    Args:
        bucket: where they are.
        address: of the bucket, with the prefix of all names in it.
        staging: local directory to write bundles into before they are brought there.
    """

    def __init__(self, bucket: ObjectStore, address: Address, staging: Path) -> None:
        self.contents = BucketContentStore(bucket, address)
        self.uri_type = _URI_TYPES[address.scheme]
        self._address = address
        self._staging = StagingArea(staging)
        self._directory = staging

    def locate(self, tag: Tag) -> str:
        """`<address>/<Name>/<Version>`: it tells bundles apart, no object has this name.

        Raises:
            InvalidArgument: name or version cannot be a part of an address.
        """
        for part in (tag.name, tag.version):
            if part in {"", ".", ".."} or "/" in part or any(ord(letter) < 32 or letter == "\x7f" for letter in part):
                raise InvalidArgument(f"{part!r} in {str(tag)!r} cannot be a part of an address; choose another")
        return str(self._address.child(f"{tag.name}/{tag.version}"))

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """See `BlobStore`. Raises `YataiRepositoryException` when the local disk cannot be written, then or later."""
        try:
            with self._staging.slot() as staged:
                yield staged
        except StagingError as error:
            raise YataiRepositoryException(
                f"{self._directory}, where bundles are made, cannot be written: {error.cause.strerror}; check its "
                "permissions and free space, or name another directory with BENTOML_HOME"
            ) from error.cause

    def seal(self, staged: Path) -> None:
        """Nothing: what is in the bucket is durable."""

    def publish(self, staged: Path, uri: str) -> None:
        """Nothing: the record in the catalog is all that is needed."""

    def displace(self, uri: str, uid: str) -> None:
        """Nothing: contents are collected when no record needs them."""

    def put_back(self, uri: str, uid: str) -> None:
        """Nothing: as long as a record can be restored its contents are kept."""

    def local_path(self, uri: str) -> None:  # noqa: ARG002 - as `BlobStore` has it
        """None: there are no files on this machine but copies."""
        return

    def sweep(self, needed: Callable[[Collection[str]], Collection[str]]) -> None:  # noqa: ARG002 - nothing was displaced
        """Remove what dead processes left on this machine."""
        self._staging.sweep()
