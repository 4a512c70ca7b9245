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

_FIRST_LINE = "# Every distribution that this bundle needs, in the version that was installed where it was saved."
_MADE_FOR = "# made for: "
_MISSING = "# missing: "
_NO_HASHES = "# hashes: none; to add those of the files of an index: bentoml env lock BUNDLE"
_HASHES = "# hashes: of all; in the directory of the bundle: pip install --require-hashes -r requirements.lock"
_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_PINNED = re.compile(rf"(?P<name>{_NAME})(?:==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)| @ (?P<url>https?://[!#%-~]+))")
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
    """

    name: str
    source: str
    hashes: tuple[str, ...] = ()

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
        made_for: the machine whose markers and versions they are, as `machine_name` says it.
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

    def __str__(self) -> str:
        lines = [_FIRST_LINE, f"{_MADE_FOR}{self.made_for}", _HASHES if self.has_hashes else _NO_HASHES]
        lines += [f"{_MISSING}{text}" for text in self.missing]
        lines += [*self.options, _with_hashes(self.library, self.library_hashes)]
        lines += [_with_hashes(str(pin), pin.hashes if self.has_hashes else ()) for pin in self.pins]
        return "".join(f"{line}\n" for line in lines)


def machine_name() -> str:
    """What decides which distributions pip takes: the Python, the system with its C library, the processor."""
    return f"{sysconfig.get_config_var('SOABI')} {platform.machine()}"


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
        found = _WITH_HASHES.fullmatch(line)
        assert found is not None
        hashes = tuple(_HASH.findall(found["hashes"]))
        pinned = _PINNED.fullmatch(found["what"])
        if pinned is not None:
            pins.append(Pin(pinned["name"], found["what"].removeprefix(pinned["name"]), hashes))
        elif _LIBRARY.fullmatch(found["what"]):
            libraries.append(Pin(DISTRIBUTION, found["what"], hashes))
        else:
            raise BentoMLConfigException(f"it has the line {line[:200]!r}")
    if len(made_for) != 1 or len(libraries) != 1 or len({pin.name for pin in pins}) != len(pins):
        raise BentoMLConfigException("it does not name one machine, one wheel of the library, and each other once")
    return Lock(made_for[0], tuple(options), libraries[0].source, libraries[0].hashes, tuple(pins), missing)


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
