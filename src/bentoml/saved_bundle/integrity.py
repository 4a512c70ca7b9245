"""Digests of a directory's files, in the format that `sha256sum -c` reads.

They show damage and files left behind or edited by accident. They are no signature: whoever can write the bundle can
write the digests too.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util.files import write_atomic
from bentoml.exceptions import BundleIntegrityException
from bentoml.saved_bundle.layout import DIGESTS, MANIFEST, SETUP_PY, SIGNATURE
from bentoml.saved_bundle.manifest import parse_manifest, read_manifest
from bentoml.saved_bundle.verified_files import VerifiedFiles, file_digest, what_to_do

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from bentoml.saved_bundle.manifest import Manifest

logger = logging.getLogger(__name__)

_LINE = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9a-f]{64}) [ *](?P<name>.+)", re.DOTALL)
# What `pip install` and `python -m build` leave beside setup.py; nothing there is ever imported by a load.
_BUILD_LEFTOVERS = re.compile(r"(build|dist|[^/]+\.egg-info)(/|$)")


def _files_below(directory: Path, prefix: str = "", *, with_caches: bool = False) -> Iterator[str]:
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name == "__pycache__" and not with_caches:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(directory / entry.name, f"{prefix}{entry.name}/", with_caches=with_caches)
        else:
            yield prefix + entry.name


def _format_line(name: str, digest: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"


def _parse(text: str, path: Path) -> dict[str, str]:
    digests = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise BundleIntegrityException(f"{path}: line {number} is not a digest and a file name; {what_to_do()}")
        name = match["name"]
        if match["escaped"]:
            name = re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), name)
        if name.startswith("/") or ".." in name.split("/"):
            raise BundleIntegrityException(f"{path}: line {number} names a file outside of the bundle; {what_to_do()}")
        if name in digests:
            raise BundleIntegrityException(f"{path}: line {number} names a file for the second time; {what_to_do()}")
        digests[name] = match["digest"]
    return digests


def write_digests(directory: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Write `SHA256SUMS` over every file below a directory, except itself and `__pycache__`.

    Args:
        directory: the directory.
        known: digests by relative name that need not be computed again.

    Returns:
        Digest by name relative to `directory`, with `/` between parts.
    """
    known = known or {}
    digests = {
        name: known.get(name) or file_digest(directory / name) for name in _files_below(directory) if name != DIGESTS
    }
    _write_lines(directory, digests)
    return digests


def _write_lines(directory: Path, digests: Mapping[str, str]) -> None:
    lines = "".join(_format_line(name, digest) for name, digest in digests.items())
    write_atomic(directory / DIGESTS, lines.encode("utf-8", "surrogateescape"))


def replace_listed(directory: Path, name: str, content: bytes) -> None:
    """Give a file that is named in `SHA256SUMS` another content, and its line there the digest of that.

    Args:
        directory: the directory, whose files have been verified.
        name: relative name of the file.
        content: what it will hold.

    Raises:
        BundleIntegrityException: `SHA256SUMS` does not name it.
    """
    sums = directory / DIGESTS
    digests = _parse(sums.read_text(encoding="utf-8", errors="surrogateescape"), sums)
    if name not in digests:
        raise BundleIntegrityException(f"{sums} does not name {name}; {what_to_do()}")
    digests[name] = hashlib.sha256(content).hexdigest()
    write_atomic(directory / name, content)
    _write_lines(directory, digests)


def has_digests(directory: Path) -> bool:
    """Whether the directory was saved with digests; bundles of older versions were not."""
    return (directory / DIGESTS).is_file()


def listed_digests(directory: Path) -> dict[str, str]:
    """The digests in `SHA256SUMS`, by name, as they were saved.

    Raises:
        BundleIntegrityException: the file cannot be read, or is none.
    """
    path = directory / DIGESTS
    try:
        return _parse(path.read_text(encoding="utf-8", errors="surrogateescape"), path)
    except OSError as error:
        raise BundleIntegrityException(f"{path} cannot be read ({error.strerror}); {what_to_do()}") from error


def first_difference(digests: Mapping[str, str], sums: bytes) -> str | None:
    """How files differ from those that a list names, in words: the first one that was changed, added or removed.

    Args:
        digests: SHA-256 of all files of a bundle in hexadecimal digits, by relative name.
        sums: content of their `SHA256SUMS`.

    Returns:
        None when they are the same.

    Raises:
        BundleIntegrityException: it is no list.
    """
    listed = _parse(sums.decode("utf-8", "surrogateescape"), Path(DIGESTS))
    for name in sorted(listed.keys() | digests.keys()):
        if name not in digests:
            return f"{name} is missing"
        if name not in listed and not _needs_no_line(name, listed):
            return f"{name} was added"
        if name in listed and listed[name] != digests[name]:
            return f"{name} was changed"
    return None


def _needs_no_line(name: str, listed: Collection[str]) -> bool:
    """Whether a file is the list itself, or the signature of a list, which is made after the bundle was saved."""
    return name in {DIGESTS, SIGNATURE} or (name.endswith(f"/{SIGNATURE}") and name.removesuffix(".sig") in listed)


def verify_listed(directory: Path, sums: bytes | None = None) -> VerifiedFiles:
    """Check that every file named in `SHA256SUMS` is there, unchanged.

    Args:
        directory: the directory.
        sums: content of `SHA256SUMS` that was read before; None reads it.

    Returns:
        The files.

    Raises:
        BundleIntegrityException: a file was changed or is missing; the text names it.
    """
    path = directory / DIGESTS
    if sums is None:
        try:
            sums = path.read_bytes()
        except OSError as error:
            raise BundleIntegrityException(f"{path} cannot be read ({error.strerror}); {what_to_do()}") from error
    return VerifiedFiles(directory, _parse(sums.decode("utf-8", "surrogateescape"), path))


def verify_unlisted(
    directory: Path, listed: Collection[str], other_entries: Iterable[str] = (), *, is_strict: bool = False
) -> None:
    """Check that no file was added.

    Args:
        directory: the directory.
        listed: names in `SHA256SUMS`.
        other_entries: names directly below `directory` that were there before the bundle was saved into it.
        is_strict: take compiled Python, and what is left of building the package, for added files, too. Where pip has
            installed the package it has compiled it, so that compiled Python is let through there.

    Raises:
        BundleIntegrityException: a file is not listed; the text names it.
    """
    names = _files_below(directory, with_caches=is_strict and SETUP_PY in listed)
    _refuse_unlisted(directory, names, listed, other_entries, is_strict=is_strict)


def _refuse_unlisted(
    directory: Path, names: Iterable[str], listed: Collection[str], other_entries: Iterable[str], *, is_strict: bool
) -> None:
    others = frozenset(other_entries)
    is_whole = SETUP_PY in listed
    for name in names:
        if name in listed or _needs_no_line(name, listed) or name.partition("/")[0] in others:
            continue
        if is_whole and not is_strict and _BUILD_LEFTOVERS.match(name):
            continue
        raise BundleIntegrityException(
            f"{directory / name} was added after the bundle was saved; remove it, "
            "or load the bundle without verification if the change is intended"
        )


def verify_known(bundle_path: Path, digests: Mapping[str, str]) -> None:
    """As `verify_bundle`, where the digests of all files are known, and most of these are elsewhere.

    Args:
        bundle_path: directory with the manifest, and with `SHA256SUMS` where there is one.
        digests: SHA-256 of all files in hexadecimal digits, by relative name.

    Raises:
        As `verify_bundle`.
    """
    if not has_digests(bundle_path):
        verify_bundle(bundle_path)
        return
    listed = listed_digests(bundle_path)
    for name, digest in listed.items():
        if digests.get(name) != digest:
            what = "was changed" if name in digests else "was taken away"
            raise BundleIntegrityException(f"{bundle_path / name} {what} after the bundle was saved; {what_to_do()}")
    others = read_manifest(bundle_path).other_entries
    _refuse_unlisted(bundle_path, digests, listed, others, is_strict=False)


def verify_bundle(bundle_path: Path) -> Manifest:
    """Check every file of a bundle against the digests that were saved; see `verified_bundle`."""
    return verified_bundle(bundle_path)[0]


def verified_bundle(bundle_path: Path) -> tuple[Manifest, VerifiedFiles | None]:
    """Check every file of a bundle against the digests that were saved.

    A bundle of an older format has none; that is logged as a warning.

    Args:
        bundle_path: directory of the bundle.

    Returns:
        The manifest; and the files, None for a bundle that has no digests.

    Raises:
        BentoMLConfigException: it is not a bundle.
        BundleIntegrityException: a file was changed, added or removed.
    """
    if not has_digests(bundle_path) or not (bundle_path / MANIFEST).is_file():
        manifest = read_manifest(bundle_path)
        if manifest.format_number > 0:
            raise BundleIntegrityException(f"{bundle_path / DIGESTS} is missing from the bundle; {what_to_do()}")
        logger.warning(
            "%s was saved without %s, so its files cannot be checked for damage; save it again to add them",
            bundle_path,
            DIGESTS,
        )
        return manifest, None
    return _verified(bundle_path, None, is_strict=False)


def verify_sums(bundle_path: Path, sums: bytes) -> tuple[Manifest, VerifiedFiles]:
    """Check every file of a bundle against a list that somebody vouches for, and that there are no others at all.

    Args:
        bundle_path: directory of the bundle, or of the package that pip installed from one.
        sums: content of its `SHA256SUMS`.

    Raises:
        As `verified_bundle`.
    """
    return _verified(bundle_path, sums, is_strict=True)


def _verified(bundle_path: Path, sums: bytes | None, *, is_strict: bool) -> tuple[Manifest, VerifiedFiles]:
    files = verify_listed(bundle_path, sums)
    path = bundle_path / MANIFEST
    manifest = parse_manifest(files.content(path), path)

    def check_rest() -> None:
        verify_unlisted(bundle_path, files.names, manifest.other_entries, is_strict=is_strict)

    check_rest()
    files.also_check(check_rest)
    return manifest, files
