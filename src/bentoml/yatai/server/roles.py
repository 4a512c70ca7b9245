"""Who asks, and what that lets them do: roles in order, and patterns of the names of bundles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException, InvalidArgument, StatusCode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

EVERY_NAME = ("*",)
MAX_PATTERNS = 100
_is_pattern = re.compile(r"[A-Za-z0-9_.*-]{1,255}").fullmatch


class Role(IntEnum):
    """What somebody may do; each may do what those before it may."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @classmethod
    def parse(cls, text: str) -> Role:
        """Read `read`, `write` or `admin`.

        Raises:
            InvalidArgument: it is something else.
        """
        try:
            return cls[text.upper()]
        except KeyError:
            raise InvalidArgument(f"{text!r} is no role; use read, write or admin") from None

    @property
    def text(self) -> str:
        """The name in small letters, as it is stored and shown."""
        return self.name.lower()


class PermissionDenied(BentoMLException):
    """The caller is known, and may not do that."""

    proto_status_code = StatusCode.PERMISSION_DENIED


@dataclass(frozen=True)
class Scope:
    """A role, for the names that match one of some patterns.

    Attributes:
        role: what may be done.
        patterns: with `*` for any number of characters; capital letters count.
    """

    role: Role
    patterns: tuple[str, ...] = EVERY_NAME

    def covers(self, name: str) -> bool:
        """Whether the name of a bundle matches."""
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)

    @property
    def covers_all(self) -> bool:
        """Whether every name matches."""
        return "*" in self.patterns


@dataclass(frozen=True)
class Principal:
    """Somebody who asks.

    Attributes:
        name: as it stands in the audit log.
        scopes: what they may do, all of which must allow it: that of the user, and that of the token if there is one.
        user_id: row of the user; None where nobody has to log in.
        csrf: what changes must bring along where a cookie says who asks; None where something else does.
        expires_at: when the token that says who asks is over; None for never, and without one.
    """

    name: str
    scopes: tuple[Scope, ...]
    user_id: int | None = None
    csrf: str | None = None
    expires_at: datetime | None = None

    @property
    def role(self) -> Role:
        """The least role of the scopes."""
        return min(scope.role for scope in self.scopes)

    def covers(self, name: str) -> bool:
        """Whether the name of a bundle may be known at all."""
        return all(scope.covers(name) for scope in self.scopes)

    @property
    def covers_all(self) -> bool:
        """Whether every name may be known."""
        return all(scope.covers_all for scope in self.scopes)

    @property
    def is_administrator(self) -> bool:
        """Whether they look after the registry as a whole."""
        return self.role is Role.ADMIN and self.covers_all

    @property
    def pattern_groups(self) -> tuple[tuple[str, ...], ...]:
        """Patterns of which, in each group, one must match a name; empty where every name may be known."""
        return tuple(scope.patterns for scope in self.scopes if not scope.covers_all)

    def require(self, role: Role, name: str | None = None) -> None:
        """See that this may be done.

        Args:
            role: what it takes.
            name: of the bundle it is about; None for something that is about no bundle.

        Raises:
            PermissionDenied: it may not.
        """
        if self.role < role:
            raise PermissionDenied(
                f"{self.name} has the role {self.role.text}, and this takes {role.text}; ask an administrator"
            )
        if name is not None and not self.covers(name):
            raise PermissionDenied(f"{self.name} may not use bundles named {name}; ask an administrator")


ANYBODY = Principal("anonymous", (Scope(Role.ADMIN),))
"""Whoever asks a server that takes everybody for its owner."""


def check_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Patterns of names, each once.

    Raises:
        InvalidArgument: there is none, or too many, or one can match no name.
    """
    kept = tuple(dict.fromkeys(patterns))
    if not 0 < len(kept) <= MAX_PATTERNS:
        raise InvalidArgument(f"between 1 and {MAX_PATTERNS} patterns of names are needed, such as * or team-*")
    for pattern in kept:
        if not _is_pattern(pattern):
            raise InvalidArgument(
                f"{pattern!r} matches no name of a bundle; use letters, digits, _, -, . and * for any characters"
            )
    return kept
