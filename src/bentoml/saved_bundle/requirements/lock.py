"""`requirements.lock`: all that a bundle needs, each in one version, with the digests of its files once they are known.

pip reads it. A file with digests makes pip check everything that it installs; so a file has them for all or for none.
What is read here may come from a stranger: a line of any other form is refused.
"""

from __future__ import annotations

import platform
import re
import sysconfig
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLConfigException
from bentoml.saved_bundle.layout import LIBRARY_DIR
from bentoml.saved_bundle.library_wheel import DISTRIBUTION
from bentoml.saved_bundle.requirements.closure import is_source_option
from bentoml.saved_bundle.requirements.requirement_text import logical_lines

if TYPE_CHECKING:
    from bentoml.saved_bundle.requirements.closure import Closure
    from bentoml.saved_bundle.requirements.installed import InstalledDistribution

_FIRST_LINE = "# Every distribution that this bundle needs, in exact versions."
_MADE_FOR = "# made for: "
_MISSING = "# missing: "
_NO_HASHES = "# hashes: none; to add those of the files of an index: bentoml env lock BUNDLE"
_HASHES = "# hashes: of all; in the directory of the bundle: pip install --require-hashes -r requirements.lock"
_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_PINNED = re.compile(
    rf"(?P<pin>(?P<name>{_NAME})(?:==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)| @ (?P<url>https?://[!#%-~]+)))"
    r"(?: ; (?P<marker>[ -~]+))?"
)
_ANY_MACHINE = re.compile(r"Python (\d)\.(\d{1,3}) on any machine")
# Where pip ends the requirement and begins its options, even inside of quotes.
_OPTION = re.compile(r"\s-")
_LIBRARY = re.compile(rf"\./{LIBRARY_DIR}/[A-Za-z0-9][A-Za-z0-9._+-]*\.whl")
# pip compares it, and yet does not ask for the hashes of all others.
_FRAGMENT = "#sha256="
_OWN_HASH = re.compile(rf"^ @ .*{_FRAGMENT}([0-9a-f]{{64}})$")
_HASH = re.compile(r"\s+--hash=sha256:([0-9a-f]{64})")
_WITH_HASHES = re.compile(r"(?P<what>.*?)(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})*)")


@dataclass(frozen=True)
class Pin:
    """One distribution in one version.

    Attributes:
        name: canonical name.
        source: `==` and the version, or ` @ ` and the address of its file, with `#sha256=` where that is known.
        hashes: SHA-256 of the files that may be installed, in hex, sorted; none when they are not known.
        marker: condition of PEP 508 under which it is needed; empty without one.
    """

    name: str
    source: str
    hashes: tuple[str, ...] = ()
    marker: str = ""

    def __str__(self) -> str:
        return f"{self.name}{self.source}"

    @property
    def own_hash(self) -> str | None:
        """The digest of the file that was installed; None where the index has to say it."""
        found = _OWN_HASH.search(self.source)
        return found[1] if found is not None else None


@dataclass(frozen=True)
class Lock:
    """The whole file.

    Attributes:
        made_for: the machine whose markers and versions they are, as `machine_name` says it, or any with one Python, as
            `any_machine` does.
        options: lines that say where pip looks for distributions.
        library: path of the library's wheel, relative to the bundle.
        library_hashes: SHA-256 of that wheel in hex, alone; none when the file has no hashes.
        pins: the others, by name.
        missing: what is needed and stands not in the file, one text each.
    """

    made_for: str
    options: tuple[str, ...]
    library: str
    library_hashes: tuple[str, ...]
    pins: tuple[Pin, ...]
    missing: tuple[str, ...]

    @property
    def has_hashes(self) -> bool:
        """Whether all of it has hashes, or nothing."""
        return bool(self.library_hashes)

    def fits(self, machine: str) -> bool:
        """Whether it holds for a machine, as `machine_name` says it."""
        python = _ANY_MACHINE.fullmatch(self.made_for)
        return machine == self.made_for or (
            python is not None and machine.startswith(f"cpython-{python[1]}{python[2]}-")
        )

    def __str__(self) -> str:
        lines = [_FIRST_LINE, f"{_MADE_FOR}{self.made_for}", _HASHES if self.has_hashes else _NO_HASHES]
        lines += [f"{_MISSING}{text}" for text in self.missing]
        lines += [*self.options, _with_hashes(self.library, self.library_hashes)]
        for pin in self.pins:
            what = f"{pin} ; {pin.marker}" if pin.marker else str(pin)
            lines.append(_with_hashes(what, pin.hashes if self.has_hashes else ()))
        return "".join(f"{line}\n" for line in lines)


def machine_name() -> str:
    """What decides which distributions pip takes: the Python, the system with its C library, the processor."""
    return f"{sysconfig.get_config_var('SOABI')} {platform.machine()}"


def any_machine(minor: str) -> str:
    """What a lock says that is for every machine with one version of Python, such as `3.12`."""
    return f"Python {minor} on any machine"


def lock_of(closure: Closure, library: str) -> Lock:
    """The lock of a bundle that is being saved, without hashes.

    Args:
        closure: all that it needs.
        library: path of the library's wheel, relative to the bundle.
    """
    missing = [*closure.missing]
    pins = []
    for one in closure.distributions:
        pin = _pin_of(one)
        if pin is not None:
            pins.append(pin)
        elif one.name != DISTRIBUTION:
            missing.append(f"{one.name} {one.version}, which was installed from a directory or a repository of sources")
    return Lock(machine_name(), closure.options, library, (), tuple(pins), tuple(map(_one_line, missing)))


def read_lock(text: str) -> Lock:
    """Read a lock that was saved.

    Raises:
        BentoMLConfigException: it has a line that no lock has.
    """
    raw_lines = text.splitlines()
    made_for = [line.removeprefix(_MADE_FOR) for line in raw_lines if line.startswith(_MADE_FOR)]
    missing = tuple(line.removeprefix(_MISSING) for line in raw_lines if line.startswith(_MISSING))
    options: list[str] = []
    libraries: list[Pin] = []
    pins: list[Pin] = []
    for _, line in logical_lines(raw_lines):
        if is_source_option(line):
            options.append(line)
            continue
        what, hashes = _parts_of(line)
        pin = read_pin(line)
        if pin is not None:
            pins.append(pin)
        elif _LIBRARY.fullmatch(what):
            libraries.append(Pin(DISTRIBUTION, what, hashes))
        else:
            raise BentoMLConfigException(f"it has the line {line[:200]!r}")
    if len(made_for) != 1 or len(libraries) != 1 or len({(pin.name, pin.marker) for pin in pins}) != len(pins):
        raise BentoMLConfigException("it does not name one machine, one wheel of the library, and each other once")
    return Lock(made_for[0], tuple(options), libraries[0].source, libraries[0].hashes, tuple(pins), missing)


def read_pin(line: str) -> Pin | None:
    """One distribution of a lock; None for a line of any other form.

    Args:
        line: without its end, comments and joints.
    """
    what, hashes = _parts_of(line)
    found = _PINNED.fullmatch(what)
    if found is None or not _is_marker(found["marker"]):
        return None
    return Pin(found["name"], found["pin"].removeprefix(found["name"]), hashes, found["marker"] or "")


def _parts_of(line: str) -> tuple[str, tuple[str, ...]]:
    """What a line names, and the hashes behind it."""
    found = _WITH_HASHES.fullmatch(line)
    assert found is not None
    return found["what"], tuple(_HASH.findall(found["hashes"]))


def _is_marker(text: str | None) -> bool:
    from packaging.markers import InvalidMarker, Marker

    if text is None:
        return True
    try:
        Marker(text)
    except InvalidMarker:
        return False
    return not _OPTION.search(text) and "#" not in text and "${" not in text


def _pin_of(one: InstalledDistribution) -> Pin | None:
    """The pin of a distribution; None for the library, and for what no index and no address has."""
    if one.name == DISTRIBUTION or (one.origin is not None and not one.origin.is_archive):
        return None
    if one.origin is None or not one.origin.url:
        return Pin(one.name, f"=={one.version}")
    return Pin(one.name, f" @ {one.origin.url}" + (f"{_FRAGMENT}{one.origin.sha256}" if one.origin.sha256 else ""))


def _with_hashes(what: str, hashes: tuple[str, ...]) -> str:
    return " \\\n    ".join([what, *(f"--hash=sha256:{digest}" for digest in sorted(hashes))])


def _one_line(text: str) -> str:
    return ascii(text)[1:-1] if not text.isprintable() else text
