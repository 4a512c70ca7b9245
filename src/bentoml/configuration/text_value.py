"""Values as people type them: in an environment variable, or behind `bentoml config set KEY=`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from bentoml.configuration.keys import Key

_BLANKS = " \t\r\n"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


def value_from_text(key: Key, text: str) -> Any:
    """Read a value for a key.

    The value of a key for texts is the text itself, whatever is in it, but `null`, where the key takes that, and what
    stands in quotes, which is read as YAML; so is a list in brackets, where the key takes one. The values of all other
    keys are YAML. Blanks around a value do not count.

    Raises:
        BentoMLConfigException: it is no YAML; the text names the key.
    """
    from bentoml.configuration import plain_yaml

    text = text.strip(_BLANKS)
    if key.takes_null and text in _NULL:
        return None
    if str not in key.kinds or (text.startswith("[") and len(key.kinds) > 1 and _takes_list(key)):
        try:
            return plain_yaml.load(text)
        except plain_yaml.PlainYamlError as error:
            raise BentoMLConfigException(f"the value of '{key.name}' is no YAML: {error.reason}") from error
    if text[:1] in {"'", '"'}:
        try:
            quoted = plain_yaml.load(text)
        except plain_yaml.PlainYamlError:  # a text that begins with a quote
            return text
        return quoted if isinstance(quoted, str) else text
    return text


def text_of(key: Key, value: Any) -> str:
    """A value in one line, as `value_from_text` reads it back: texts as they are where that is possible."""
    from bentoml.configuration import plain_yaml

    if isinstance(value, str) and "\n" not in value and "\r" not in value and value_from_text(key, value) == value:
        return value
    return plain_yaml.flow(value)


def _takes_list(key: Key) -> bool:
    return any(getattr(kind, "__origin__", None) is list for kind in key.kinds)
