"""The licence of a distribution, as its metadata says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message

_LONGEST = 200
_CLASSIFIER = "License :: "


@dataclass(frozen=True)
class Licence:
    """A licence.

    Attributes:
        text: an SPDX expression, such as `MIT` or `Apache-2.0 OR MIT`, or the name that the author gave it.
        is_expression: which of both.
    """

    text: str
    is_expression: bool


def licence_of(metadata: Message) -> Licence | None:
    """The licence: `License-Expression`, else `License` when it is a name and no whole text, else the classifiers.

    Returns:
        None when the metadata says nothing of use.
    """
    for key in ("License-Expression", "License"):
        value = str(metadata[key]).strip() if key in metadata else ""
        if _is_name(value):
            expression = _expression(value)
            return Licence(expression or value, expression is not None)
    classifiers = metadata.get_all("Classifier") or []
    names = [str(one).rpartition(" :: ")[2].strip() for one in classifiers if str(one).startswith(_CLASSIFIER)]
    named = ", ".join(name for name in names if name != "OSI Approved")
    return Licence(named, is_expression=False) if _is_name(named) else None


def _is_name(value: str) -> bool:
    return 0 < len(value) <= _LONGEST and value.isprintable() and value.upper() != "UNKNOWN"


def _expression(value: str) -> str | None:
    """The value in the form of SPDX; None when it is none, or nothing here can tell."""
    try:
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
    except ModuleNotFoundError:  # packaging before 24.2
        return None
    try:
        return canonicalize_license_expression(value)
    except InvalidLicenseExpression:
        return None
