"""Lines of requirements.txt and requirements.lock, taken apart before an installer sees them.

The text comes with a bundle, and may be hostile. Of what pip would understand, that is kept which an environment on any
machine can be made from: packages of an index, addresses, files of the bundle, and options that say where packages are
looked for. What an installer gets is written anew from these parts.
"""

from __future__ import annotations

import re
import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.requirements.requirement_text import logical_lines, parse_requirement
from bentoml.saved_bundle.verified_files import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT_FORMS = {"-i": "--index-url", "-f": "--find-links"}
OPTIONS = {
    "--index-url": True,
    "--extra-index-url": True,
    "--find-links": True,
    "--trusted-host": True,
    "--no-binary": True,
    "--only-binary": True,
    "--no-index": False,
    "--pre": False,
    "--prefer-binary": False,
    "--require-hashes": False,
}
"""The options that are kept, and whether each takes a value."""
_HASHES = re.compile(r"\s--hash[=\s]\s*")
_HASH = re.compile(r"[a-z0-9_]+:[0-9a-fA-F]+")
_VARIABLE = re.compile(r"\$\{[^}]*\}?")
_ARCHIVES = (".whl", ".zip", ".tar", ".tgz", ".tbz", ".txz", ".tlz", ".gz", ".bz2", ".xz", ".lz", ".lzma")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True)
class Package:
    """One thing to install.

    Attributes:
        text: a requirement of PEP 508, or an address; files of the bundle stand in it as absolute `file:` addresses.
        hashes: digests that what is installed must have one of, such as `sha256:...`.
        file: the file or directory of the bundle that it is.
    """

    text: str
    hashes: tuple[str, ...] = ()
    file: Path | None = None

    @property
    def name(self) -> str | None:
        """Name of the distribution; None when only its installation tells."""
        parsed = parse_requirement(self.text)
        return None if parsed is None else parsed.name

    @property
    def is_built(self) -> bool:
        """Whether its own code runs when it is installed: it is fetched from a place of its own, and is no wheel."""
        parsed = parse_requirement(self.text)
        address = self.text if parsed is None else parsed.url
        return address is not None and not urlsplit(address).path.endswith(".whl")

    @property
    def line(self) -> str:
        """As a line for an installer."""
        return " ".join([self.text, *(f"--hash={digest}" for digest in self.hashes)])

    @property
    def identity(self) -> str:
        """What makes it another package: the line, with the content of a file instead of its place."""
        if self.file is None:
            return self.line
        content = file_digest(self.file) if self.file.is_file() else f"directory {self.file}"
        return f"{self.file.name} {content} {' '.join(self.hashes)}"


@dataclass(frozen=True)
class RequirementLines:
    """All lines of a file.

    Attributes:
        options: (name, value) of each option, in their order; the value of a flag is None.
        packages: what to install, in its order.
    """

    options: tuple[tuple[str, str | None], ...] = ()
    packages: tuple[Package, ...] = ()

    @property
    def requires_hashes(self) -> bool:
        """Whether everything that is installed has to have a digest, as pip sees it."""
        return ("--require-hashes", None) in self.options or any(package.hashes for package in self.packages)


def read_lines(text: str, root: Path, name: str) -> RequirementLines:
    """Take the text of a requirements file apart.

    Args:
        text: the text.
        root: directory of the bundle, in which files have to lie.
        name: what to call the file in errors.

    Raises:
        InvalidArgument: a line is none of those that are kept; the text says which, and what to do.
    """
    options: list[tuple[str, str | None]] = []
    packages = []
    # Split at ends of lines alone: what else could part a line is a control character, which `_check` refuses.
    for number, line in logical_lines(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")):
        with _said_where(f"{name}, line {number}"):
            _check(line)
            if line.startswith("-"):
                options += _options(line, root)
            else:
                packages.append(_package(line, root))
    return RequirementLines(tuple(options), tuple(packages))


@contextmanager
def _said_where(place: str) -> Iterator[None]:
    try:
        yield
    except InvalidArgument as error:
        raise InvalidArgument(f"{place}: {error}") from error


def _check(line: str) -> None:
    if not line.isprintable():
        raise InvalidArgument(f"{line!r} has a control character")
    variable = _VARIABLE.search(line)
    if variable is not None:
        # Installers would put the value in, and might send it to a server that the bundle names.
        raise InvalidArgument(
            f"{variable[0]} stands for a variable of this machine, which a bundle does not get; put what it is for "
            "into PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, pip.conf or ~/.netrc"
        )


def _options(line: str, root: Path) -> Iterator[tuple[str, str | None]]:
    try:
        words = iter(shlex.split(line))
    except ValueError as error:
        raise InvalidArgument(f"{line!r} has a quote without its end") from error
    for word in words:
        flag, equals, value = word.partition("=")
        option = SHORT_FORMS.get(flag, flag)
        if option in {"-r", "--requirement", "-c", "--constraint"}:
            raise InvalidArgument(f"{word} names another file, which is not part of the bundle; write its lines here")
        if option in {"-e", "--editable"}:
            raise InvalidArgument("an environment that bundles share has no editable packages; leave out -e")
        if option not in OPTIONS:
            raise InvalidArgument(f"{word} is no option for where packages are found; leave it out")
        if not OPTIONS[option]:
            if equals:
                raise InvalidArgument(f"{option} takes no value")
            yield option, None
            continue
        yield option, _value(option, value if equals else next(words, ""), root)


def _value(option: str, value: str, root: Path) -> str:
    if not value or value.startswith("-") or any(character in value for character in " '\"\\"):
        raise InvalidArgument(f"{option} has no value, or one with blanks or quotes")
    if option == "--find-links" and not _SCHEME.match(value):
        return _inside(value, root).as_uri()
    if option.endswith(("index-url", "find-links")) and urlsplit(value).scheme.lower() not in {"http", "https", "file"}:
        raise InvalidArgument(
            f"{option} {value} is no address of an index: it begins with none of https:, http:, file:"
        )
    return value


def _package(line: str, root: Path) -> Package:
    text, *hashes = (part.strip() for part in _HASHES.split(line))
    for digest in hashes:
        if not _HASH.fullmatch(digest):
            raise InvalidArgument(f"--hash={digest} is no digest; write --hash=sha256:...")
    if re.search(r"\s-", text):
        raise InvalidArgument(f"{text!r} has an option that is not --hash; leave it out")
    parsed = parse_requirement(text)
    if parsed is not None and parsed.url is None and parsed.name.lower().endswith(_ARCHIVES):
        parsed = None  # a name that installers take for that of a file
    if parsed is None and " " in text:
        raise InvalidArgument(f"{text!r} is no requirement; write name==version")
    if parsed is not None and parsed.url is None:
        return Package(str(parsed), tuple(hashes))
    address = text if parsed is None else str(parsed.url)
    if _SCHEME.match(address) and urlsplit(address).scheme.lower() != "file":
        return Package(text if parsed is None else str(parsed), tuple(hashes))
    path = _inside(address, root)
    if not path.exists():
        raise InvalidArgument(f"{text!r} is no requirement, and the bundle has no such file")
    name = _wheel_name(path) if parsed is None else str(parsed).partition("@")[0].strip()
    marker = f" ; {parsed.marker}" if parsed is not None and parsed.marker is not None else ""
    return Package(f"{name} @ {path.as_uri()}{marker}" if name else path.as_uri(), tuple(hashes), path)


def _inside(address: str, root: Path) -> Path:
    """The path that an address or a path relative to the bundle means.

    Raises:
        InvalidArgument: it lies outside of the bundle.
    """
    text = url2pathname(urlsplit(address).path) if _SCHEME.match(address) else address
    try:
        path = (root / text).resolve()
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"{address!r} is no path") from error
    if not path.is_relative_to(root.resolve()):
        raise InvalidArgument(f"{address!r} lies outside of the bundle; put the file on an index, or into an artifact")
    return path


def _wheel_name(path: Path) -> str | None:
    """Name of the distribution in a wheel, which its file name has; None for anything else."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    if path.suffix != ".whl":
        return None
    try:
        return parse_wheel_filename(path.name)[0]
    except InvalidWheelFilename as error:
        raise InvalidArgument(f"{path.name!r} is not the name of a wheel") from error
