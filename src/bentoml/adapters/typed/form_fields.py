"""Fields of a form as the arguments of a function."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import msgspec

from bentoml.adapters.errors import InputError
from bentoml.adapters.text_input import decode_text
from bentoml.adapters.typed.aliases import expanded
from bentoml.adapters.typed.library_types import library_type
from bentoml.adapters.typed.refusals import MISSING, UNKNOWN, field_path, refusal
from bentoml.adapters.typed.values import NO_DEFAULT
from bentoml.adapters.wire.media_types import JSON, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml._util.multipart import FormPart
    from bentoml.adapters.typed.decoding import ValueDecoder
    from bentoml.adapters.typed.values import Parameter, ValueForEach


def args_of_form(values: ValueForEach, parts: Sequence[FormPart]) -> tuple[Any, ...]:
    """The arguments, in the order of the parameters.

    Bytes and types of libraries are files or fields of their own formats; anything else is text or JSON. For a list a
    field may come once or more often, or once as a JSON list.

    Raises:
        InputError: a field is missing, is not known, or does not fit its type.
    """
    given: dict[str, list[FormPart]] = {}
    for part in parts:
        if part.content or part.file_name != "":  # what a browser sends for a file that nobody has chosen
            given.setdefault(part.name, []).append(part)
    for name in given:
        if name not in values.of_fields:
            raise InputError(refusal(field_path("$", name), UNKNOWN))
    return tuple(_argument(values, one, given.get(one.name)) for one in values.parameters)


def _argument(values: ValueForEach, parameter: Parameter, parts: list[FormPart] | None) -> Any:
    where = field_path("$", parameter.name)
    if parts is None:
        if parameter.default is NO_DEFAULT:
            raise InputError(refusal(where, MISSING))
        return parameter.default
    hint = _without_none(parameter.hint)
    item = item_of(hint)
    if item is not None and (len(parts) > 1 or is_file(item) or not parts[0].content.lstrip().startswith(b"[")):
        if is_file(item):
            return [_file(item, part, field_path(where, i)) for i, part in enumerate(parts)]
        items = b",".join(_json_item(part, field_path(where, i)) for i, part in enumerate(parts))
        return values.of_fields[parameter.name].of_json(b"[%b]" % items, where)
    if len(parts) > 1:
        raise InputError(refusal(where, "comes more than once"))
    if is_file(hint):
        return _file(hint, parts[0], where)
    return _text_value(hint, values.of_fields[parameter.name], parts[0], where)


def is_file(hint: Any) -> bool:
    """Whether values of a type come as files."""
    hint = _without_none(hint)
    return hint is bytes or library_type(hint) is not None


def item_of(hint: Any) -> Any:
    """The type of the elements of a list; None when it is no list."""
    hint = _without_none(hint)
    return get_args(hint)[0] if get_origin(hint) is list else None


def _without_none(hint: Any) -> Any:
    hint = expanded(hint)
    if get_origin(hint) not in {Union, UnionType}:
        return hint
    others = [one for one in get_args(hint) if one is not NoneType]
    return expanded(others[0]) if len(others) == 1 else hint


def _file(hint: Any, part: FormPart, where: str) -> Any:
    if hint is bytes:
        return part.content
    found = library_type(hint)
    assert found is not None
    try:
        return found.value_of_part(part, hint)
    except InputError as error:
        raise InputError(refusal(where, str(error)), error.status_code) from error


def _text_value(hint: Any, decoder: ValueDecoder, part: FormPart, where: str) -> Any:
    text = _text(part, where)
    is_json = canonical(part.content_type) == JSON
    if hint is str and not is_json:
        return text
    try:
        return decoder.of_json(text.encode(), where)
    except InputError as error:
        if is_json:
            raise
        try:
            return decoder.of_json(msgspec.json.encode(text), where)
        except InputError:
            # What fits neither as JSON nor as text is told of as what it is.
            if isinstance(error.__cause__, msgspec.ValidationError):
                raise error from None
            raise


def _json_item(part: FormPart, where: str) -> bytes:
    """A field as an element of a JSON list: as it is when it is JSON, else as text."""
    text = _text(part, where)
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return msgspec.json.encode(text)
    return text.encode()


def _text(part: FormPart, where: str) -> str:
    try:
        return decode_text(part.content, part.charset)
    except InputError as error:
        raise InputError(refusal(where, str(error).replace("the body", "it"))) from error
