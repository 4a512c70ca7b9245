"""Bodies as values of a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_origin

import msgspec

from bentoml.adapters.errors import InputError
from bentoml.adapters.typed.duplicate_keys import DuplicateKeyError, check_keys
from bentoml.adapters.typed.hint_text import hint_text
from bentoml.adapters.typed.library_types import library_type
from bentoml.adapters.typed.pydantic_hint import PydanticHint, holds_pydantic, pydantic_hint
from bentoml.adapters.typed.refusals import of_msgspec, refusal

if TYPE_CHECKING:
    from bentoml.adapters.typed.definitions import Schema

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TOO_DEEP = "it is nested too deeply"


def wire_type(hint: Any) -> Any:
    """The type that `msgspec` decodes for a hint.

    Raises:
        TypeError: nothing can be made of it; the text says why.
    """
    if holds_pydantic(hint):
        return pydantic_hint(hint)
    try:
        found = msgspec.inspect.type_info(hint)
    except NameError as error:
        raise TypeError(f"{error.name} is not defined where the type is; import it outside of TYPE_CHECKING") from error
    for cls in custom_classes(found):
        if library_type(cls) is None:
            raise TypeError(f"nothing makes a {hint_text(cls)} of a request")
    return hint


def custom_classes(info: Any) -> set[type]:
    """Classes that `msgspec` does not know, wherever they stand in what `msgspec.inspect` says about a type."""
    found: set[type] = set()
    seen: set[int] = set()
    waiting = [info]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, msgspec.inspect.CustomType):
            found.add(one.cls)
        elif isinstance(one, (msgspec.inspect.Type, msgspec.inspect.Field)):
            waiting.extend(getattr(one, name) for name in one.__struct_fields__)
        elif isinstance(one, tuple):
            waiting.extend(one)
    return found


def _hook(*, is_json: bool) -> Any:
    def make(kind: Any, value: Any) -> Any:
        origin = get_origin(kind) or kind
        if issubclass(origin, PydanticHint):
            return origin.value_of(value, is_json=is_json)
        found = library_type(kind)
        assert found is not None, kind
        return found.value_of(value, kind)

    return make


def custom_schema(cls: type, definitions: dict[str, Schema]) -> Schema:
    """The schema of a class that is not one of `msgspec`."""
    if issubclass(cls, PydanticHint):
        return cls.schema(definitions)
    found = library_type(cls)
    return {} if found is None else found.schema


class ValueDecoder:
    """Makes values of one type from JSON and MessagePack.

    Args:
        kind: what `wire_type` made of a hint.

    Raises:
        TypeError: `msgspec` does not support the type; the text says why.
    """

    def __init__(self, kind: Any) -> None:
        self._json = msgspec.json.Decoder(kind, dec_hook=_hook(is_json=True))
        self._msgpack = msgspec.msgpack.Decoder(kind, dec_hook=_hook(is_json=False))

    def of_json(self, content: bytes, where: str = "$") -> Any:
        """Read one JSON value in UTF-8.

        Args:
            content: the text.
            where: how to call the place of the value in errors.

        Raises:
            InputError: it is not JSON, has a key twice, or does not fit the type.
        """
        content = content.removeprefix(_BYTE_ORDER_MARK)
        try:
            value = self._json.decode(content)
            check_keys(content)
        except msgspec.ValidationError as error:
            raise InputError(of_msgspec(str(error), where)) from error
        except DuplicateKeyError as error:
            raise InputError(refusal(where, f"the key {error.key[:100]!r} stands twice in one object")) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(refusal(where, f"not a valid JSON format ({_reason(error)})")) from error
        except RecursionError as error:
            raise InputError(refusal(where, _TOO_DEEP)) from error
        return value

    def of_msgpack(self, content: bytes) -> Any:
        """Read one MessagePack value.

        Raises:
            InputError: it is not MessagePack, or does not fit the type.
        """
        try:
            return self._msgpack.decode(content)
        except msgspec.ValidationError as error:
            raise InputError(of_msgspec(str(error))) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(refusal("$", f"not valid MessagePack ({_reason(error)})")) from error
        except RecursionError as error:
            raise InputError(refusal("$", _TOO_DEEP)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    text = str(error).removeprefix("JSON is malformed: ").removeprefix("MessagePack data is malformed: ")
    return text[:1].lower() + text[1:]
