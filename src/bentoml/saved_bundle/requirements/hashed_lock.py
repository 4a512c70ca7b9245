"""A lock with the hashes of all that stands in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.layout import LOCK
from bentoml.saved_bundle.requirements.index_hashes import ask_for_hashes

if TYPE_CHECKING:
    from bentoml.saved_bundle.requirements.lock import Lock


def refuse_incomplete(lock: Lock) -> None:
    """Check that all that is needed stands in a lock.

    Raises:
        BentoMLException: it does not.
    """
    if lock.missing:
        raise BentoMLException(
            f"{LOCK} is not complete: {'; '.join(lock.missing)}. "
            "Install from an index what is missing, and save the service again"
        )


def with_hashes(lock: Lock, library_sha256: str, tool: str, *, timeout_s: float) -> Lock:
    """The lock with the digests of the files of an index, in the same versions.

    Args:
        lock: without hashes, or with those of an earlier time.
        library_sha256: digest of the library's wheel, in hex.
        tool: who asks; see `find_tool`.
        timeout_s: the tool is stopped after this many seconds.

    Raises:
        BentoMLException: the lock is not complete; the tool failed, or took too long; or the index does not have a
            distribution, or not its digests.
    """
    refuse_incomplete(lock)
    asked = [pin for pin in lock.pins if pin.own_hash is None]
    found = ask_for_hashes([*lock.options, *map(str, asked)], tool, timeout_s=timeout_s) if asked else {}
    without = [str(pin) for pin in asked if not found.get(pin.name)]
    if without:
        raise BentoMLException(
            f"{tool} has found no hashes for {', '.join(without)}: the index does not say them"
            + ("; pip makes them of what it downloads: bentoml env lock BENTO --tool pip" if tool == "uv" else "")
        )
    pins = tuple(replace(pin, hashes=(pin.own_hash,) if pin.own_hash else found[pin.name]) for pin in lock.pins)
    return replace(lock, library_hashes=(library_sha256,), pins=pins)
