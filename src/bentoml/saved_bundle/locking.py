"""The lock of a bundle that is being saved, and hashes for that of a bundle which was saved."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.configuration import get_config
from bentoml.configuration.schema import LOCKS
from bentoml.exceptions import BentoMLConfigException, BentoMLException, BundleSignatureException, InvalidArgument
from bentoml.saved_bundle.dockerfile import with_sbom_labels
from bentoml.saved_bundle.integrity import replace_listed, verify_bundle
from bentoml.saved_bundle.layout import DOCKERFILE, LOCK, REQUIREMENTS, SBOM, SIGNATURE
from bentoml.saved_bundle.requirements.closure import NEEDED_BY_BUNDLE
from bentoml.saved_bundle.requirements.hashed_lock import refuse_incomplete, with_hashes
from bentoml.saved_bundle.requirements.index_hashes import find_tool
from bentoml.saved_bundle.requirements.lock import lock_of, machine_name, read_lock
from bentoml.saved_bundle.requirements.lock_target import LockTarget
from bentoml.saved_bundle.requirements.resolution import resolved_for
from bentoml.saved_bundle.requirements.sbom import with_hashes as bill_with_hashes
from bentoml.saved_bundle.verified_files import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.saved_bundle.requirements.closure import Closure
    from bentoml.saved_bundle.requirements.lock import Lock

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class LockForm:
    """What the lock of a bundle that is being saved holds.

    Attributes:
        name: one of `LOCKS`; the configuration says what they mean.
        timeout_s: the index is waited for this many seconds.
    """

    name: str
    timeout_s: float

    @classmethod
    def of(cls, name: str | None) -> LockForm:
        """The form of a name; that of the configuration when it is None.

        Raises:
            InvalidArgument: there is no such form.
        """
        if name is not None and name not in LOCKS:
            raise InvalidArgument(f"lock is {name!r}, and must be one of {', '.join(map(repr, LOCKS))}")
        config = get_config().bento_bundle
        return cls(config.lock if name is None else name, config.lock_timeout_s)

    def lock(self, closure: Closure, library: str, library_sha256: str) -> Lock:
        """The lock of a bundle.

        Args:
            closure: all that it needs.
            library: path of the library's wheel, relative to the bundle.
            library_sha256: digest of that wheel, in hex.

        Raises:
            BentoMLException: there must be hashes, and they cannot be had.
        """
        lock = lock_of(closure, library)
        if self.name != "versions":
            try:
                return with_hashes(lock, library_sha256, find_tool(), timeout_s=self.timeout_s)
            except BentoMLException as error:
                if self.name == "hashes":
                    raise BentoMLException(
                        f"{LOCK} cannot have hashes, so nothing was saved: {error}. To save without them: "
                        "lock='try-hashes', or bento_bundle.lock in the configuration"
                    ) from error
                logger.warning("%s has no hashes: %s. To add them later: bentoml env lock BENTO", LOCK, error)
                return lock
        # What the bundle itself lacks was said when its requirements were pinned.
        others = [text for text in lock.missing if not text.startswith(NEEDED_BY_BUNDLE)]
        if others:
            logger.warning("%s is not complete: %s", LOCK, "; ".join(others))
        return lock


def lock_bundle(
    bundle_path: Path, tool: str | None = None, platform: str | None = None, python_version: str | None = None
) -> Locked:
    """Write the hashes of all that a bundle needs into its lock, as an index has them. None of its code is run.

    With a platform or a version of Python, the lock is made anew for such machines.

    Args:
        bundle_path: directory of a bundle that is as it was saved.
        tool: `uv` or `pip`; None takes the first that is installed.
        platform: one of `PLATFORMS` of `lock_target`; None for that of this machine.
        python_version: such as `3.12`; None for that of the bundle.

    Raises:
        InvalidArgument: there is no such platform or version, or the tool does not know other machines.
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
    library = bundle_path / lock.library
    if platform is not None or python_version is not None:
        if tool == "pip":
            raise InvalidArgument("pip knows no other machine than the one it runs on; leave out --tool pip, for uv")
        target = LockTarget.of(platform, python_version or manifest.python_version)
        refuse_incomplete(lock)
        text = (bundle_path / REQUIREMENTS).read_bytes().decode()
        locked = resolved_for(target, lock, text, library, file_digest(library), timeout_s=TIMEOUT_S)
        chosen = "uv"
    else:
        if lock.made_for != machine_name():
            raise BentoMLException(
                f"{bundle_path / LOCK} was made for {lock.made_for}, and this is {machine_name()}; "
                "lock it on a machine of that kind, or say with --platform what it should be for"
            )
        chosen = find_tool(tool)
        locked = with_hashes(lock, file_digest(library), chosen, timeout_s=TIMEOUT_S)
    _replace(bundle_path, locked)
    return Locked(1 + len(locked.pins), 1 + sum(len(pin.hashes) for pin in locked.pins), chosen)


def _replace(bundle_path: Path, lock: Lock) -> None:
    """Write the lock, its hashes into the bill of materials, and that into the labels of the Dockerfile."""
    bill, dockerfile = bundle_path / SBOM, bundle_path / DOCKERFILE
    if bill.is_file():  # bundles of older versions have none
        try:
            text = bill_with_hashes(bill.read_bytes().decode(), lock.pins)
        except (BentoMLConfigException, UnicodeDecodeError) as error:
            raise BentoMLConfigException(f"{bill} is no bill of a bundle: {error}") from error
        replace_listed(bundle_path, SBOM, text.encode())
        if dockerfile.is_file():
            image = dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
            changed = with_sbom_labels(image, text.encode())
            replace_listed(bundle_path, DOCKERFILE, changed.encode("utf-8", "surrogateescape"))
    replace_listed(bundle_path, LOCK, str(lock).encode())


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
