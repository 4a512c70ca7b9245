"""What the metadata of one installed distribution says; whoever wrote it may have written anything."""

from __future__ import annotations

import importlib.metadata
import json
import re
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from bentoml.saved_bundle.requirements.licences import Licence, licence_of
from bentoml.saved_bundle.requirements.requirement_text import canonical_name

if TYPE_CHECKING:
    from email.message import Message
    from importlib.metadata import Distribution

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLANK_LINE = re.compile(r"\r?\n\r?\n")
_SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True)
class Origin:
    """Where a distribution was installed from, when that was no index (`direct_url.json`, PEP 610).

    Attributes:
        url: the address without credentials and fragment; empty for files of this machine.
        sha256: digest of the archive in hex; None when it was none, or is not known.
        is_archive: whether it was one file, and not a directory or a repository of sources.
    """

    url: str
    sha256: str | None
    is_archive: bool


@dataclass(frozen=True)
class InstalledDistribution:
    """One distribution.

    Attributes:
        name: canonical name.
        version: its version, with a local part such as `+cpu`.
        requires: its requirements as they stand, with those of all its extras.
        origin: None when it came from an index.
        licence: what its metadata says; None when that is nothing.
        needs: canonical names of the distributions that it needs here; filled by whoever has followed them.
    """

    name: str
    version: str
    requires: tuple[str, ...]
    origin: Origin | None
    licence: Licence | None
    needs: tuple[str, ...] = ()

    def is_from(self, url: str) -> bool:
        """Whether it was installed from an address, as a requirement writes it."""
        if self.origin is None or not self.origin.url:
            return False
        wanted = _plain_address(url.removeprefix("git+"))
        # A repository's revision stands behind an `@` in the requirement.
        return self.origin.url == wanted or (not self.origin.is_archive and wanted.startswith(f"{self.origin.url}@"))


def find_installed(name: str) -> InstalledDistribution | None:
    """The distribution of a name; None when it is not installed, or so broken that its version cannot be told."""
    from packaging.version import Version

    try:
        found = importlib.metadata.distribution(name)
        metadata = _headers_of(found)
        version = metadata["Version"]
        Version(version)
        return InstalledDistribution(
            name=canonical_name(name),
            version=version,
            requires=_requires_of(found, metadata),
            origin=_origin_of(found),
            licence=licence_of(metadata),
        )
    except (importlib.metadata.PackageNotFoundError, ValueError, TypeError):  # ValueError: no version, or no UTF-8
        return None


def _headers_of(distribution: Distribution) -> Message:
    """The metadata without the description below it, which takes most of the time to parse."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    return HeaderParser().parsestr(_BLANK_LINE.split(text, maxsplit=1)[0])


def _requires_of(distribution: Distribution, metadata: Message) -> tuple[str, ...]:
    if distribution.read_text("METADATA") is None:
        return tuple(distribution.requires or ())  # of an older form, which has them in a file of their own
    return tuple(str(line) for line in metadata.get_all("Requires-Dist") or ())


def _origin_of(distribution: Distribution) -> Origin | None:
    text = distribution.read_text("direct_url.json")
    if not text:
        return None
    try:
        document: Any = json.loads(text)
        url = document["url"]
        archive = document.get("archive_info")
    except (ValueError, TypeError, KeyError, AttributeError):
        return Origin("", None, is_archive=False)
    address = _plain_address(url) if isinstance(url, str) else ""
    return Origin(address, _archive_digest(archive), isinstance(archive, dict))


def _archive_digest(archive: Any) -> str | None:
    if not isinstance(archive, dict):
        return None
    hashes = archive.get("hashes")
    value = hashes.get("sha256") if isinstance(hashes, dict) else None
    if value is None and isinstance(archive.get("hash"), str):
        value = archive["hash"].removeprefix("sha256=")
    return value if isinstance(value, str) and _SHA256.fullmatch(value) else None


def _plain_address(url: str) -> str:
    """An address without user, password, query and fragment; empty when it is not one of the web."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in _SCHEMES or not url.isascii() or not url.isprintable() or any(c in url for c in " \"'\\<>"):
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
