"""Hints with a pydantic model in them: pydantic validates those as a whole, by the rules of the model."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, ClassVar, cast, get_args

import msgspec

from bentoml.adapters.typed.aliases import expanded
from bentoml.adapters.typed.bounded_errors import MAX_ERRORS, EnoughError, begin, bounded_validator
from bentoml.adapters.typed.definitions import REFERENCE_PREFIX, merge_definitions
from bentoml.adapters.typed.hint_text import hint_text
from bentoml.adapters.typed.refusals import of_pydantic, refusal
from bentoml.adapters.typed.schema_conversion import parted

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from bentoml.adapters.typed.definitions import Schema

_MARKS = ("__pydantic_core_schema__", "__pydantic_validator__")


class _AnyInstance(type):
    """Takes every object for an instance of its classes: what pydantic made, it has checked."""

    def __instancecheck__(cls, instance: object) -> bool:
        return True


class PydanticHint(metaclass=_AnyInstance):
    """Stands for a hint in types that `msgspec` reads; a subclass is made for each hint."""

    adapter: ClassVar[TypeAdapter[Any]]
    validator: ClassVar[Any]

    @classmethod
    def value_of(cls, value: Any, *, is_json: bool) -> Any:
        """The value of the type for a parsed value.

        Args:
            value: made of what JSON or MessagePack has.
            is_json: it was JSON, in which dates, bytes and others are text.

        Raises:
            ValueError: it does not fit; the text says where.
        """
        from pydantic import ValidationError

        begin()
        try:
            if is_json:
                # A model may have different rules for what comes as JSON.
                return cls.validator.validate_json(msgspec.json.encode(value))
            return cls.validator.validate_python(value)
        except ValidationError as error:
            raise ValueError(of_pydantic(error.errors(include_url=False)[0])) from error
        except EnoughError as error:
            raise ValueError(refusal("$", f"more than {MAX_ERRORS} of its values do not fit")) from error

    @classmethod
    def schema(cls, definitions: dict[str, Schema]) -> Schema:
        """The schema of OpenAPI 3.0; adds to the definitions."""
        document = cls.adapter.json_schema(ref_template=f"{REFERENCE_PREFIX}{{model}}")
        schema, found = parted(document)
        return merge_definitions(definitions, found, schema)


def holds_pydantic(hint: Any) -> bool:
    """Whether a pydantic model or dataclass stands anywhere in a hint."""
    return "pydantic" in sys.modules and _search(hint, {})


def _search(hint: Any, seen: dict[int, Any]) -> bool:
    if id(hint) in seen:
        return False
    seen[id(hint)] = hint  # kept, so that the id stays its own
    hint = expanded(hint)
    if isinstance(hint, type) and any(mark in vars(one) for one in hint.__mro__ for mark in _MARKS):
        return True
    inside = [*get_args(hint), *_fields(hint)]
    return any(_search(one, seen) for one in inside)


def _fields(hint: Any) -> list[Any]:
    is_record = isinstance(hint, type) and (
        dataclasses.is_dataclass(hint)
        or issubclass(hint, msgspec.Struct)
        or hasattr(hint, "_fields")
        or hasattr(hint, "__total__")
    )
    if not is_record:
        return []
    from typing import get_type_hints

    try:
        return list(get_type_hints(hint).values())
    except NameError:
        return []  # `msgspec` says which name it is


def pydantic_hint(hint: Any) -> type[PydanticHint]:
    """The class that stands for a hint.

    Raises:
        TypeError: pydantic cannot make a schema of it.
    """
    from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter
    from pydantic_core import SchemaError

    try:
        adapter = TypeAdapter(hint)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise TypeError(str(error).partition("\n")[0]) from error
    try:
        validator = bounded_validator(adapter.core_schema)
    except SchemaError:  # an old version
        validator = adapter.validator
    members = {"adapter": adapter, "validator": validator}
    found: Any = _AnyInstance(f"PydanticHint_{hint_text(hint)}", (PydanticHint,), members)
    return cast("type[PydanticHint]", found)
