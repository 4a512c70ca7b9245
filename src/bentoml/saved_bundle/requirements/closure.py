"""The distributions that a bundle needs, directly and through others, as what is installed here tells it.

The requirements are followed through the metadata of installed distributions, with their extras and with the markers
of this machine. What is not installed, or not in a version that was asked for, is named as missing and never guessed.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bentoml._version import __version__
from bentoml.saved_bundle.layout import LIBRARY_DIR
from bentoml.saved_bundle.library_wheel import DISTRIBUTION
from bentoml.saved_bundle.requirements.installed import InstalledDistribution, find_installed
from bentoml.saved_bundle.requirements.requirement_text import canonical_name, logical_lines, parse_requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.requirements import Requirement

_SOURCE_OPTION = re.compile(
    r"(--index-url|-i|--extra-index-url|--trusted-host|--find-links|-f|--no-index|--pre|--prefer-binary|--no-binary"
    r"|--only-binary)([= \t].*)?"
)
NEEDED_BY_BUNDLE = "the bundle needs "
_ASKED_BY_BUNDLE = ""
_CREDENTIALS = re.compile(r"://[^/\s@]*@")
# As pip reads them: options of one requirement follow a blank.
_REQUIREMENT_OPTIONS = re.compile(r"\s--?[A-Za-z].*$")


@dataclass(frozen=True)
class Closure:
    """All that a bundle needs.

    Attributes:
        distributions: the library, then the others by canonical name.
        direct: canonical names of those that the bundle itself asks for, sorted.
        options: lines of requirements.txt that say where distributions come from, as they stand.
        missing: what is needed and could not be followed, one text each.
    """

    distributions: tuple[InstalledDistribution, ...]
    direct: tuple[str, ...]
    options: tuple[str, ...]
    missing: tuple[str, ...]


def closure_of(requirements_txt: str) -> Closure:
    """Everything that the lines of a requirements.txt need, and the library with what it needs.

    Args:
        requirements_txt: the text; requirements that are for another machine count for nothing.
    """
    walk = _Walk()
    options = [line for _, line in logical_lines(requirements_txt.splitlines()) if is_source_option(line)]
    direct, others = named_requirements(requirements_txt)
    for shown in others:
        walk.missing[f"requirements.txt has the line {shown!r}, which does not name a distribution"] = None
    walk.follow([_library_requirement(), *direct])
    found = sorted(walk.distributions(), key=lambda one: (one.name != DISTRIBUTION, one.name))
    return Closure(tuple(found), tuple(sorted(walk.needs[_ASKED_BY_BUNDLE])), tuple(options), tuple(walk.missing))


def named_requirements(requirements_txt: str) -> tuple[list[Requirement], list[str]]:
    """The distributions that the lines of a requirements.txt name, without the library.

    Returns:
        The requirements; and the lines, without credentials, that name none and do not say where to look either.
    """
    named, others = [], []
    for _, line in logical_lines(requirements_txt.splitlines()):
        if is_source_option(line):
            continue
        parsed = parse_requirement(_REQUIREMENT_OPTIONS.sub("", line))
        if parsed is None and not _is_library_wheel(line):
            others.append(_CREDENTIALS.sub("://***@", line))
        elif parsed is not None and canonical_name(parsed.name) != DISTRIBUTION:
            named.append(parsed)
    return named, others


def _library_requirement() -> Requirement:
    from packaging.requirements import Requirement

    return Requirement(DISTRIBUTION)


def _is_library_wheel(line: str) -> bool:
    return line.startswith(f"./{LIBRARY_DIR}/")


def is_source_option(line: str) -> bool:
    """Whether a line says where pip finds distributions, or which kind of files it takes."""
    return _SOURCE_OPTION.fullmatch(line) is not None


class _Walk:
    """From requirement to requirement, each distribution once for each of its extras."""

    def __init__(self) -> None:
        self.needs: dict[str, set[str]] = {_ASKED_BY_BUNDLE: set()}
        self.missing: dict[str, None] = {}
        self._found: dict[str, InstalledDistribution | None] = {}
        self._extras: dict[str, set[str]] = {}
        self._parsed: dict[str, list[Requirement]] = {}

    def follow(self, direct: Sequence[Requirement]) -> None:
        waiting = deque((_ASKED_BY_BUNDLE, one) for one in direct if self._applies(one, "", _ASKED_BY_BUNDLE))
        while waiting:
            asked_by, requirement = waiting.popleft()
            name = canonical_name(requirement.name)
            if not self._is_here(requirement, name, asked_by):
                continue
            self.needs[asked_by].add(name)
            new = {"", *requirement.extras} - self._extras.setdefault(name, set())
            self._extras[name] |= new
            self.needs.setdefault(name, set())
            for extra in sorted(new):
                waiting.extend((name, one) for one in self._requirements(name) if self._applies(one, extra, name))

    def distributions(self) -> Iterable[InstalledDistribution]:
        """What was reached, each with the names that it needs."""
        for name in self._extras:
            found = self._found[name]
            assert found is not None
            version = __version__ if name == DISTRIBUTION else found.version
            yield replace(found, version=version, needs=tuple(sorted(self.needs[name] - {name})))

    def _is_here(self, requirement: Requirement, name: str, asked_by: str) -> bool:
        if name not in self._found:
            self._found[name] = find_installed(name)
        found = self._found[name]
        by = f"{asked_by} needs " if asked_by else NEEDED_BY_BUNDLE
        if found is None:
            self.missing[f"{by}{_text(requirement)}, which is not installed here"] = None
            return False
        if not requirement.specifier.contains(found.version, prereleases=True):
            self.missing[f"{by}{_text(requirement)}, but version {found.version} is installed here"] = None
            return False
        if requirement.url and not found.is_from(requirement.url):
            self.missing[f"{by}{name} from an address that what is installed here did not come from"] = None
            return False
        return True

    def _requirements(self, name: str) -> list[Requirement]:
        if name not in self._parsed:
            found = self._found[name]
            parsed = []
            for line in found.requires if found is not None else ():
                one = parse_requirement(line)
                if one is None:
                    self.missing[f"{name} needs {line[:200]!r}, which cannot be read"] = None
                else:
                    parsed.append(one)
            self._parsed[name] = parsed
        return self._parsed[name]

    def _applies(self, requirement: Requirement, extra: str, asked_by: str) -> bool:
        """Whether a requirement holds on this machine, when one extra of who asks for it is wanted."""
        from packaging.markers import UndefinedComparison, UndefinedEnvironmentName

        if requirement.marker is None:
            return not extra
        try:
            return requirement.marker.evaluate({"extra": extra})
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            self.missing[f"{asked_by or 'the bundle'} needs {_text(requirement)}: {error}"] = None
            return False


def _text(requirement: Requirement) -> str:
    """A requirement without its address, which may hold credentials, and without its marker, which holds."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"
