"""What an alias may be called."""

from __future__ import annotations

import re

from bentoml.exceptions import InvalidArgument
from bentoml.yatai.registry import LATEST

_is_alias = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?").fullmatch


def check_alias(alias: str) -> str:
    """An alias, when it can be one.

    Raises:
        InvalidArgument: it has other characters than letters, digits, `-`, `_` and `.`, or is too long.
    """
    if not _is_alias(alias) or alias.lower() == LATEST:
        raise InvalidArgument(
            f"{alias!r} cannot be an alias: use up to 63 letters, digits, `-`, `_` and `.`, with a letter or digit "
            "first and last; `latest` is taken"
        )
    return alias
