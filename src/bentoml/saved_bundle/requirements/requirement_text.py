"""The text of requirements.txt and requirements.lock: its lines as pip joins them, and the names in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.requirements import Requirement

# A comment starts a line or follows a blank.
_COMMENT = re.compile(r"(^|\s+)#.*$")


def logical_lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Lines without comments and empty ones; a line that ends with a backslash, and is no comment, goes on in the next.

    Args:
        lines: of the text, without their ends.

    Yields:
        The number of the first line, from 1 on, and the text.
    """
    begun, pending = 0, ""
    for number, raw in enumerate(lines, start=1):
        if not pending:
            begun = number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            pending += f"{raw[:-1]} "
            continue
        line = _COMMENT.sub("", f"{pending}{'' if is_comment else raw}").strip()
        pending = ""
        if line:
            yield begun, line
    if pending.strip():
        yield begun, _COMMENT.sub("", pending).strip()


def names_distribution(requirement: str, name: str) -> bool:
    """Whether a requirement asks for a distribution."""
    parsed = parse_requirement(requirement)
    return parsed is not None and canonical_name(parsed.name) == canonical_name(name)


def canonical_name(name: str) -> str:
    """Name of a distribution as it is compared."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def parse_requirement(line: str) -> Requirement | None:
    """A line of requirements.txt; None when it is an option, a path or a plain URL."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line)
    except InvalidRequirement:
        return None
