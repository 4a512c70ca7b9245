"""The store that the configuration names for the files of bundles, and the cache for copies of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.configuration import bentoml_home
from bentoml.exceptions import BentoMLConfigException, InvalidArgument

if TYPE_CHECKING:
    from bentoml.configuration import Config
    from bentoml.storage.address import Address
    from bentoml.yatai.blobs import BlobStore
    from bentoml.yatai.checkout_cache import CheckoutCache

_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "azure"}
_SIGNATURE = "s3v4"


def open_blob_store(config: Config) -> BlobStore:
    """The store of `yatai.repository`. Nobody asks a bucket whether it is there.

    Raises:
        BentoMLConfigException: what is configured is not enough, or cannot be used.
        MissingDependencyException: the library for buckets is not installed.
    """
    repository = config.yatai.repository
    if repository.type == "file_system":
        from bentoml.yatai.blobs import FileSystemBlobStore

        directory = repository.file_system.directory
        root = Path(directory).expanduser() if directory else bentoml_home() / "repository"
        return FileSystemBlobStore(root.absolute())
    from bentoml.storage.buckets import open_bucket
    from bentoml.yatai.bucket_blobs import BucketBlobStore

    address = bucket_address(config)
    endpoint_url = repository.s3.endpoint_url if repository.type == "s3" else None
    staging = bentoml_home().absolute() / "staging"
    return BucketBlobStore(open_bucket(address, endpoint_url), address, staging)


def open_cache(config: Config) -> CheckoutCache:
    """The cache of `yatai.cache`; its directory is made by the first copy."""
    from bentoml.yatai.checkout_cache import CheckoutCache

    directory = config.yatai.cache.directory
    root = Path(directory).expanduser() if directory else bentoml_home() / "cache"
    return CheckoutCache(root.absolute(), config.yatai.cache.max_bytes)


def check_repository(config: Config) -> None:
    """See that the address of a bucket is there, and is one, where bundles are kept in a bucket.

    Raises:
        BentoMLConfigException: it is missing, or not one of that kind of repository.
    """
    if config.yatai.repository.type != "file_system":
        bucket_address(config)


def signed_s(config: Config) -> float:
    """How long an address is valid that the bucket of the repository gives a file for, in seconds."""
    section = getattr(config.yatai.repository, config.yatai.repository.type)
    return float(getattr(section, "expiration", 0))


def bucket_address(config: Config) -> Address:
    """Where bundles are kept, in a repository that is not a directory.

    Raises:
        BentoMLConfigException: the address is missing, or is not one of that kind of repository.
    """
    from bentoml.storage.address import parse_address

    kind = config.yatai.repository.type
    key = f"yatai.repository.{kind}.url"
    url = getattr(config.yatai.repository, kind).url
    if not url:
        raise BentoMLConfigException(
            f"'--{kind}-url' must be specified for {kind.upper()} repository type; in the configuration it is {key}"
        )
    if kind == "s3" and config.yatai.repository.s3.signature_version != _SIGNATURE:
        raise BentoMLConfigException(
            f"yatai.repository.s3.signature_version {config.yatai.repository.s3.signature_version!r} is not available; "
            f"requests are signed as {_SIGNATURE}"
        )
    try:
        address = parse_address(url)
    except InvalidArgument as error:
        raise BentoMLConfigException(f"{key}: {error}") from error
    if address.scheme != _SCHEMES[kind]:
        raise BentoMLConfigException(
            f"{key}: {address} is no address for repository type {kind}; it begins with {_SCHEMES[kind]}://"
        )
    return address
