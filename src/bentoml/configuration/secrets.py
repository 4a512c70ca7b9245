"""Values without what only some may see: access tokens, and the passwords in addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.configuration.keys import Key

HIDDEN = "******"

# Up to the last `@` of a word: passwords are not always as carefully encoded as they should be.
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^\s:/?#@]*):\S*@")
_USER_IN_URL = re.compile(r"(?<=://)[^\s:/?#@*]+@")
_NAME = r"[\w-]*(?:password|passwd|pwd|token|secret|credential|api_?key|access_?key|signature)[\w-]*"
_SECRET_IN_QUERY = re.compile(rf"(?i)([?&]{_NAME}=)[^&#\s]+")
_is_secret_name = re.compile(rf"(?i){_NAME}").fullmatch


def without_secrets(key: Key, value: Any) -> Any:
    """The value of a key, to be shown to anybody."""
    if key.rule.secret and value:
        return HIDDEN
    return _masked(value)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        value = _PASSWORD_IN_URL.sub(rf"\g<1>:{HIDDEN}@", value)
        value = _USER_IN_URL.sub(f"{HIDDEN}@", value)
        return _SECRET_IN_QUERY.sub(rf"\g<1>{HIDDEN}", value)
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {
            name: HIDDEN if _is_secret_name(name) and item is not None else _masked(item)
            for name, item in value.items()
        }
    return value
