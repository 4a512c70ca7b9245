"""What the things of a deployment are called on AWS."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.yatai.deployment_models import NewDeployment

_DIGEST = 8
_LONGEST = 40


def owner_of(wanted: NewDeployment) -> str:
    """The full name of a deployment, which is the value of the tag of all that it has made."""
    return f"{wanted.namespace}/{wanted.name}"


def base_name(wanted: NewDeployment) -> str:
    """The name of the stack, with which the names of all else begin.

    Returns:
        `NAMESPACE-NAME` where that is a name on AWS and no other deployment could have it, else a part of it with a
        digest; at most 40 letters, digits and `-`, a letter first; the same each time.
    """
    plain = f"{wanted.namespace}-{wanted.name}"
    # `a-b` and `c` would meet `a` and `b-c`.
    is_unique = "-" not in wanted.namespace
    if is_unique and len(plain) <= _LONGEST and re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", plain):
        return plain
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    slug = slug if slug[:1].isalpha() else f"b-{slug}"
    return f"{slug[: _LONGEST - _DIGEST - 1].rstrip('-')}-{_digest(owner_of(wanted), _DIGEST)}"


def with_suffix(base: str, part: str, longest: int) -> str:
    """A name for one of several things: `BASE-PART`, with a digest for what had to be left out.

    Args:
        base: name of all.
        part: tells them apart.
        longest: most characters.
    """
    whole = f"{base}-{part}"
    if len(whole) <= longest and re.fullmatch(r"[A-Za-z0-9_-]+", whole):
        return whole
    short = re.sub(r"[^A-Za-z0-9_-]+", "", whole)[: longest - _DIGEST - 1].rstrip("-_")
    return f"{short}-{_digest(part, _DIGEST)}"


def logical_id(kind: str, part: str) -> str:
    """The name of one of several resources in a template: letters and digits, the same whatever others there are."""
    return f"{kind}{re.sub(r'[^A-Za-z0-9]', '', part)[:40]}{_digest(part, 6)}"


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
