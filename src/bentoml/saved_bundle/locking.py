"""Adding hashes to the lock of a saved bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLConfigException, BentoMLException, BundleSignatureException
from bentoml.saved_bundle.integrity import replace_listed, verify_bundle
from bentoml.saved_bundle.layout import LOCK, SIGNATURE
from bentoml.saved_bundle.requirements.index_hashes import ask_for_hashes, find_tool
from bentoml.saved_bundle.requirements.lock import machine_name, read_lock
from bentoml.saved_bundle.verified_files import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.saved_bundle.requirements.lock import Lock

TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Locked:
    """What was written.

    Attributes:
        distributions: number of those that have hashes now, with the library.
        hashes: number of hashes of all of them.
        tool: who was asked.
    """

    distributions: int
    hashes: int
    tool: str


def lock_bundle(bundle_path: Path, tool: str | None = None) -> Locked:
    """Write the hashes of all that a bundle needs into its lock, as an index has them. None of its code is run.

    Args:
        bundle_path: directory of a bundle that is as it was saved.
        tool: `uv` or `pip`; None takes the first that is installed.

    Raises:
        BundleIntegrityException: a file is not the one that was saved.
        BundleSignatureException: it is signed; a change would make the signature false.
        BentoMLConfigException: it has no lock, or one that is not of its form.
        BentoMLException: the lock is not complete, or for another machine; there is no tool, or it failed; or the index
            does not have a distribution.
    """
    manifest = verify_bundle(bundle_path)
    for directory in (bundle_path, bundle_path / manifest.service_name):
        if (directory / SIGNATURE).exists():
            raise BundleSignatureException(
                f"{bundle_path} is signed, and would not be what was signed; lock it before you sign it, or remove its "
                f"files {SIGNATURE}, lock, and sign again"
            )
    lock = _lock_of(bundle_path)
    if lock.missing:
        raise BentoMLException(
            f"{bundle_path / LOCK} is not complete: {'; '.join(lock.missing)}. "
            "Install from an index what is missing, and save the service again"
        )
    if lock.made_for != machine_name():
        raise BentoMLException(
            f"{bundle_path / LOCK} was made for {lock.made_for}, and this is {machine_name()}; "
            "lock it on a machine of that kind"
        )
    chosen = find_tool(tool)
    locked = _with_hashes(bundle_path, lock, chosen)
    replace_listed(bundle_path, LOCK, str(locked).encode())
    return Locked(1 + len(locked.pins), 1 + sum(len(pin.hashes) for pin in locked.pins), chosen)


def _lock_of(bundle_path: Path) -> Lock:
    path = bundle_path / LOCK
    try:
        return read_lock(path.read_bytes().decode())
    except FileNotFoundError as error:
        raise BentoMLConfigException(
            f"{bundle_path} has no {LOCK}; save the service again with this version"
        ) from error
    except (BentoMLConfigException, UnicodeDecodeError) as error:
        raise BentoMLConfigException(f"{path} is no lock of a bundle: {error}") from error


def _with_hashes(bundle_path: Path, lock: Lock, tool: str) -> Lock:
    asked = [pin for pin in lock.pins if pin.own_hash is None]
    found = ask_for_hashes([*lock.options, *map(str, asked)], tool, timeout_s=TIMEOUT_S) if asked else {}
    without = [str(pin) for pin in asked if not found.get(pin.name)]
    if without:
        raise BentoMLException(
            f"{tool} has found no hashes for {', '.join(without)}: the index does not say them"
            + ("; pip makes them of what it downloads: --tool pip" if tool == "uv" else "")
        )
    pins = tuple(replace(pin, hashes=(pin.own_hash,) if pin.own_hash else found[pin.name]) for pin in lock.pins)
    return replace(lock, library_hashes=(file_digest(bundle_path / lock.library),), pins=pins)
