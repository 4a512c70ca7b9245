"""Addresses of bundles that are not directories of this machine."""

from __future__ import annotations

from bentoml.exceptions import BentoMLException

SCHEMES = ("s3://", "gs://", "azure://", "http://", "https://", "file://")


def refuse_remote(location: str, what: str) -> None:
    """Say clearly that only local directories can be used.

    Args:
        location: path or address as the user gave it.
        what: what was to be done, such as `loaded from`.

    Raises:
        BentoMLException: it is an address.
    """
    if location.lower().startswith(SCHEMES):
        raise BentoMLException(
            f"{location}: a bundle cannot be {what} an address in this version; use a local directory and copy it"
        )
