"""A lock for machines of another kind: uv resolves the requirements of a bundle as they would be resolved there.

The versions of the lock that the bundle has are kept wherever they fit. pip cannot do it: it resolves for the machine
that it runs on.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.layout import LOCK, REQUIREMENTS
from bentoml.saved_bundle.library_wheel import DISTRIBUTION
from bentoml.saved_bundle.requirements.closure import named_requirements
from bentoml.saved_bundle.requirements.index_hashes import find_uv
from bentoml.saved_bundle.requirements.lock import Pin, read_pin
from bentoml.saved_bundle.requirements.requirement_text import logical_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.saved_bundle.requirements.lock import Lock
    from bentoml.saved_bundle.requirements.lock_target import LockTarget

_OPTIONS = ("--generate-hashes", "--no-header", "--no-annotate", "--quiet", f"--no-emit-package={DISTRIBUTION}")


def resolved_for(
    target: LockTarget, lock: Lock, requirements_txt: str, library: Path, library_sha256: str, *, timeout_s: float
) -> Lock:
    """The lock of a bundle for other machines, with hashes.

    Args:
        target: the machines.
        lock: that of the bundle, whose versions are preferred.
        requirements_txt: what the bundle asks for.
        library: the library's wheel, which says what it needs.
        library_sha256: its digest, in hex.
        timeout_s: uv is stopped after this many seconds.

    Raises:
        BentoMLException: uv is not installed, failed, or took too long; or a requirement cannot be locked.
    """
    uv = find_uv()
    if uv is None:
        raise BentoMLException(
            "a lock for another machine is made by uv, which is not installed; pip knows no other machine than the one "
            "it runs on. Run: pip install uv"
        )
    named, others = named_requirements(requirements_txt)
    if others:
        raise BentoMLException(f"{REQUIREMENTS} has the line {others[0]!r}, which does not name a distribution")
    with tempfile.TemporaryDirectory(prefix="bentoml-lock-") as directory:
        wanted, found = Path(directory, REQUIREMENTS), Path(directory, LOCK)
        lines = [*lock.options, str(library.resolve()), *map(str, named)]
        wanted.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        # uv prefers what its output file holds already.
        found.write_text("".join(f"{pin}\n" for pin in lock.pins if pin.source.startswith("==")), encoding="utf-8")
        argv = [uv, "pip", "compile", *_OPTIONS, *target.uv_options, f"--python={sys.executable}"]
        proc.run([*argv, f"--output-file={found}", str(wanted)], timeout_s=timeout_s, check=True)
        pins = tuple(_pins_in(found.read_text(encoding="utf-8")))
    return replace(lock, made_for=target.made_for, library_hashes=(library_sha256,), pins=pins)


def _pins_in(text: str) -> Iterator[Pin]:
    for _, line in logical_lines(text.splitlines()):
        pin = read_pin(line)
        if pin is None or not pin.hashes:
            raise BentoMLException(f"uv has found no hashes for {line.split(' --hash')[0]!r}, which cannot be locked")
        yield pin
