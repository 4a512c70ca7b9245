"""Stores of buckets, set up as the configuration and the environment of the operator say.

What is not in the configuration, the library takes from the variables that the makers of the stores have named:
`AWS_*`, `GOOGLE_*`, `AZURE_*`. Endpoints are those of the operator, and may be private: an address chooses the bucket
only.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.configuration import get_config
from bentoml.exceptions import BentoMLConfigException
from bentoml.storage.aws_profile import profile_options
from bentoml.storage.object_store import BucketStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.storage.address import Address

_RETRIES = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
_CONNECT_TIMEOUT = timedelta(seconds=10)
# For one piece of an object.
_REQUEST_TIMEOUT = timedelta(minutes=5)
_AZURE_KEYS = {
    "AccountName": "account_name",
    "AccountKey": "account_key",
    "SharedAccessSignature": "sas_key",
    "BlobEndpoint": "endpoint",
}


def open_bucket(address: Address, endpoint_url: str | None = None) -> BucketStore:
    """The bucket or container that an address names.

    Args:
        address: in the bucket.
        endpoint_url: of the store; None for the one that is configured.

    Raises:
        BentoMLConfigException: what is configured is not enough, or contradicts itself.
        MissingDependencyException: the library `obstore` is not installed.
    """
    library = require("obstore.store", "bentoml[storage]")
    makers: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
        "s3": lambda: (library.S3Store, _s3_options(endpoint_url)),
        "gs": lambda: (library.GCSStore, _gcs_options(endpoint_url)),
        "azure": lambda: (library.AzureStore, _azure_options(endpoint_url)),
    }
    make, options = makers[address.scheme]()
    where = f"{address.scheme}://{address.container}"
    try:
        store = make(
            address.container,
            client_options=_client_options(options.pop("plain", False)),
            retry_config=_RETRIES,
            **{name: value for name, value in options.items() if value is not None},
        )
    except ValueError as error:  # of what is passed here the certificates alone can be wrong
        raise BentoMLConfigException(
            f"storage.http.ca_file: {get_config().storage.http.ca_file} holds no certificates in PEM"
        ) from error
    except require("obstore.exceptions").BaseError as error:
        text = str(error).partition("\n")[0]
        raise BentoMLConfigException(f"{where} cannot be used as it is configured: {text}") from None
    # The library signs for the host of Google, whatever the endpoint.
    return BucketStore(store, where, can_sign=options.get("base_url") is None)


def _client_options(plain: bool) -> dict[str, Any]:
    options: dict[str, Any] = {
        "allow_http": plain,
        "connect_timeout": _CONNECT_TIMEOUT,
        "timeout": _REQUEST_TIMEOUT,
    }
    ca_file = get_config().storage.http.ca_file
    if ca_file is not None:
        try:
            options["root_certificate"] = Path(ca_file).read_bytes()
        except OSError as error:
            raise BentoMLConfigException(f"storage.http.ca_file: {ca_file} cannot be read: {error.strerror}") from error
    return options


def _is_plain(endpoint: str | None) -> bool:
    return endpoint is not None and endpoint.lower().startswith("http://")


def _s3_options(endpoint_url: str | None) -> dict[str, Any]:
    config = get_config().storage.s3
    endpoint = endpoint_url or config.endpoint_url
    for variable in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        endpoint = endpoint or os.environ.get(variable) or None
    profile = profile_options()
    return {
        **profile,
        "aws_endpoint_url_s3": endpoint,
        "region": config.region or profile.get("region"),
        "plain": _is_plain(endpoint),
    }


def _gcs_options(endpoint_url: str | None) -> dict[str, Any]:
    endpoint = endpoint_url or get_config().storage.gcs.endpoint_url or os.environ.get("GOOGLE_BASE_URL") or None
    return {"base_url": endpoint, "plain": _is_plain(endpoint)}


def _azure_options(endpoint_url: str | None) -> dict[str, Any]:
    config = get_config().storage.azure
    options: dict[str, Any] = {}
    for part in os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";"):
        name, _, value = part.partition("=")
        if name in _AZURE_KEYS:
            options[_AZURE_KEYS[name]] = value.rstrip("/") if name == "BlobEndpoint" else value
    if config.account is not None:
        options["account_name"] = config.account
    if endpoint_url or config.endpoint_url:
        options["endpoint"] = endpoint_url or config.endpoint_url
    elif "endpoint" not in options:
        options["endpoint"] = os.environ.get("AZURE_STORAGE_ENDPOINT") or os.environ.get("AZURE_ENDPOINT") or None
    options["plain"] = _is_plain(options["endpoint"])
    return options
