"""What a request holds: one value of a type, or one for each parameter of a function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from bentoml.adapters.errors import InputError
from bentoml.adapters.typed.decoding import ValueDecoder, custom_classes, custom_schema, wire_type
from bentoml.adapters.typed.definitions import DEFINITIONS
from bentoml.adapters.typed.example import example_of
from bentoml.adapters.typed.hint_text import hint_text
from bentoml.adapters.typed.library_types import LibraryType, library_type
from bentoml.adapters.typed.opened_images import opening_images
from bentoml.adapters.typed.pydantic_hint import PydanticHint
from bentoml.adapters.typed.schema import SchemaWriter, with_default

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.adapters.typed.definitions import Schema

NO_DEFAULT = msgspec.NODEFAULT


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function.

    Attributes:
        name: its name, the key of its value in a request.
        hint: its type.
        default: its default; `NO_DEFAULT` when it has none.
    """

    name: str
    hint: Any
    default: Any = NO_DEFAULT


class HintError(TypeError):
    """Nothing can be made of a hint.

    Attributes:
        hint: the hint.
    """

    def __init__(self, hint: Any, reason: object) -> None:
        super().__init__(str(reason))
        self.hint = hint


class OneValue:
    """The request is one value.

    Args:
        hint: its type.

    Attributes:
        decoder: makes it.

    Raises:
        HintError: nothing can be made of the hint.
    """

    def __init__(self, hint: Any) -> None:
        self.hint = hint
        self.kind, self.decoder = _decoder(hint)

    @property
    def description(self) -> dict[str, Any]:
        """For the manifest."""
        return {"type": hint_text(self.hint)}

    def args(self, value: Any) -> tuple[Any, ...]:
        """The arguments that a decoded value is."""
        return (value,)

    def schema(self) -> Schema:
        """The schema of OpenAPI 3.0, with the definitions that it refers to."""
        writer = SchemaWriter(custom_schema)
        return _with_definitions(writer.write(self.kind), writer.definitions)

    def libraries(self) -> list[LibraryType]:
        """The types of libraries that values are made of."""
        return _libraries([self.kind])

    def has_models(self) -> bool:
        """Whether pydantic makes some of it."""
        return _has_models([self.kind])


class ValueForEach:
    """The request is an object with a value for each parameter of a function.

    Args:
        function_name: name of the function.
        parameters: two or more.

    Attributes:
        decoder: makes an object of them.
        of_fields: makes the value of one parameter, by its name.

    Raises:
        HintError: nothing can be made of a hint.
    """

    def __init__(self, function_name: str, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        kinds = {one.name: _decoder(one.hint) for one in parameters}
        self.of_fields = {name: decoder for name, (_, decoder) in kinds.items()}
        self.kinds = {name: kind for name, (kind, _) in kinds.items()}
        fields: list[Any] = [
            (one.name, self.kinds[one.name])
            if one.default is NO_DEFAULT
            # Its default is put in later: a client's value must not be compared with it, nor become it.
            else (one.name, self.kinds[one.name], msgspec.UNSET)
            for one in parameters
        ]
        struct = msgspec.defstruct(function_name, fields, kw_only=True, forbid_unknown_fields=True)
        self.decoder = ValueDecoder(struct)

    @property
    def description(self) -> dict[str, Any]:
        """For the manifest."""
        return {"parameters": {one.name: hint_text(one.hint) for one in self.parameters}}

    def args(self, value: Any) -> tuple[Any, ...]:
        """The arguments that a decoded object stands for, in the order of the parameters."""
        return tuple(
            one.default if (given := getattr(value, one.name)) is msgspec.UNSET else given for one in self.parameters
        )

    def schema(self) -> Schema:
        """The schema of OpenAPI 3.0, with the definitions that it refers to."""
        writer = SchemaWriter(custom_schema)
        schema: Schema = {
            "type": "object",
            "properties": {
                one.name: with_default(writer.write(self.kinds[one.name]), one.default) for one in self.parameters
            },
            "additionalProperties": False,
        }
        if required := [one.name for one in self.parameters if one.default is NO_DEFAULT]:
            schema["required"] = required
        return _with_definitions(schema, writer.definitions)

    def libraries(self) -> list[LibraryType]:
        """The types of libraries that values are made of."""
        return _libraries(list(self.kinds.values()))

    def has_models(self) -> bool:
        """Whether pydantic makes some of it."""
        return _has_models(list(self.kinds.values()))


def example_for(values: OneValue | ValueForEach) -> Any:
    """A value for the document that the decoder takes; `NO_DEFAULT` when none is found."""
    schema = values.schema()
    example = example_of(schema, schema.get(DEFINITIONS, {}))
    try:
        with opening_images():
            values.decoder.of_json(msgspec.json.encode(example))
    except InputError:
        # A pattern, or a rule that only code knows.
        return NO_DEFAULT
    return example


def _decoder(hint: Any) -> tuple[Any, ValueDecoder]:
    try:
        kind = wire_type(hint)
        return kind, ValueDecoder(kind)
    except TypeError as error:
        raise HintError(hint, error) from error


def _has_models(kinds: list[Any]) -> bool:
    return any(isinstance(kind, type) and issubclass(kind, PydanticHint) for kind in kinds)


def _libraries(kinds: list[Any]) -> list[LibraryType]:
    classes = {cls for info in msgspec.inspect.multi_type_info(kinds) for cls in custom_classes(info)}
    found = {kind.title: kind for kind in map(library_type, classes) if kind is not None}
    return [found[title] for title in sorted(found)]


def _with_definitions(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    return {**schema, DEFINITIONS: definitions} if definitions else schema
