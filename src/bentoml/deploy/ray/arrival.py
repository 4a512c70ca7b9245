"""The way of a bundle to the nodes: how it is known there again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bentoml.exceptions import BundleIntegrityException
from bentoml.saved_bundle.integrity import has_digests
from bentoml.saved_bundle.layout import DIGESTS

if TYPE_CHECKING:
    from pathlib import Path

PACKAGED = "bundle"
"""Directory of the bundle in the package, which the working directory of a replica is made of."""


def arrived(bundle: str | None, digest: str | None) -> Path:
    """The directory of the bundle on this node; the server compares its files with their digests.

    Args:
        bundle: as in `Replica`.
        digest: as in `Replica`.

    Raises:
        BundleIntegrityException: it is another bundle.
        BentoMLException: it is not there.
    """
    from bentoml.yatai.resolve import resolve_bundle_path

    path = resolve_bundle_path(bundle or PACKAGED)
    if digest is not None and digest_of(path) != digest:
        raise BundleIntegrityException(f"{path} is not the bundle that was deployed; deploy it again")
    return path


def digest_of(bundle: Path) -> str | None:
    """SHA-256 of the list of digests of a bundle, in lower-case hex; None for one of an old version that has none."""
    if not has_digests(bundle):
        return None
    return hashlib.sha256((bundle / DIGESTS).read_bytes()).hexdigest()
