"""Adapters for the annotations of an API function."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from bentoml.adapters.bytes_input import BytesInput
from bentoml.adapters.default_output import DefaultOutput
from bentoml.adapters.file_output import FileOutput
from bentoml.adapters.string_input import StringInput
from bentoml.adapters.string_output import StringOutput
from bentoml.adapters.typed.hint_text import hint_text
from bentoml.adapters.typed.library_types import library_type
from bentoml.adapters.typed.values import NO_DEFAULT, HintError, OneValue, Parameter, ValueForEach
from bentoml.adapters.typed_input import TypedInput
from bentoml.adapters.typed_output import TypedOutput
from bentoml.service.annotations import NOTHING, Annotations, element_of, read_annotations
from bentoml.service.declaration import ApiAdapters
from bentoml.service.user_function import kind_of
from bentoml.types import InferenceResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.adapters.base import BaseInputAdapter, BaseOutputAdapter
    from bentoml.exceptions import InvalidArgument


def infer_adapters(
    function: Callable[..., Any],
    api_name: str,
    *,
    batch: bool,
    output_adapter: BaseOutputAdapter | None,
) -> ApiAdapters:
    """Choose the adapters for a method by its annotations.

    Args:
        function: not yet bound.
        api_name: for errors.
        batch: whether it takes many requests at once.
        output_adapter: the one that is given; None when the return annotation says it.

    Raises:
        InvalidArgument: an annotation is missing, cannot be resolved, or is not supported.
    """
    # What a generator yields passes no adapter.
    with_return = output_adapter is None and not kind_of(function).is_stream
    found = read_annotations(function, api_name, batch=batch, with_return=with_return)
    input_adapter = _input_of(found, batch=batch)
    if output_adapter is None:
        output_adapter = _output_of(found, batch=batch, is_rows=batch and input_adapter.JOINS_REQUESTS)
    return ApiAdapters(input_adapter, output_adapter, found.names)


def _input_of(found: Annotations, *, batch: bool) -> BaseInputAdapter:
    hints = [hint for _, hint, _ in found.parameters]
    if len(hints) == 1 and (known := library_type(hints[0])) is not None and (known.is_joined or not batch):
        return known.make_input(hints[0])
    parameters = [_parameter(found, *one, batch=batch) for one in found.parameters]
    try:
        if len(parameters) > 1:
            return TypedInput(ValueForEach(found.api_name, parameters))
        hint = parameters[0].hint
        if hint is str or hint is bytes:
            return StringInput() if hint is str else BytesInput()
        known = library_type(hint)
        # Of what requests share when they can, a list can only be made of values by themselves.
        return TypedInput(OneValue(hint)) if known is None or known.is_joined else known.make_input(hint)
    except HintError as error:
        names = [one.name for one in parameters if one.hint is error.hint]
        raise found.error(
            f"no request can fill '{names[0]}: {hint_text(error.hint)}': {error}; take another type, or give the API "
            "an adapter: @api(input=...)"
        ) from error


def _parameter(found: Annotations, name: str, hint: Any, default: Any, *, batch: bool) -> Parameter:
    if not batch:
        return Parameter(name, hint, NO_DEFAULT if default is NOTHING else default)
    element = element_of(hint)
    if element is NOTHING:
        raise found.error(
            f"with batch=True '{name}' is a list with one value for each request: write {name}: list[{hint_text(hint)}]"
        )
    if default is not NOTHING:
        raise found.error(
            f"with batch=True '{name}' cannot have a default, for each request has a value of its own: write "
            f"{name}: list[{hint_text(element)} | None] and let clients send null"
        )
    return Parameter(name, element)


def _output_of(found: Annotations, *, batch: bool, is_rows: bool) -> BaseOutputAdapter:
    hint = found.returned
    known = library_type(hint)
    if known is not None and (known.is_joined or not batch):
        return known.make_output()
    if _is_open(hint):
        return DefaultOutput()
    if batch:
        hint = element_of(hint)
        if hint is NOTHING:
            raise found.error(
                "with batch=True it returns a list with one value for each request: write "
                f"-> list[{hint_text(found.returned)}]"
            )
    return _output_of_one(found, _without_results(hint), is_rows=is_rows)


def _output_of_one(found: Annotations, hint: Any, *, is_rows: bool) -> BaseOutputAdapter:
    if _is_open(hint):
        return DefaultOutput()
    if (hint is str or hint is bytes) and not is_rows:
        return StringOutput() if hint is str else FileOutput()
    known = library_type(hint)
    if known is not None:
        return known.make_output()
    try:
        return TypedOutput(OneValue(hint), is_rows=is_rows)
    except HintError as error:
        raise _unsupported_return(found, error) from error


def _unsupported_return(found: Annotations, error: HintError) -> InvalidArgument:
    return found.error(
        f"no answer can be made of '-> {hint_text(found.returned)}': {error}; return another type, or give the API an "
        "adapter: @api(output=...)"
    )


def _is_open(hint: Any) -> bool:
    """Whether a return annotation leaves it to the value how it is written."""
    is_series = isinstance(hint, type) and hint.__module__.startswith("pandas") and hint.__qualname__ == "Series"
    is_result = isinstance(hint, type) and issubclass(hint, InferenceResult)
    is_free = any(hint is one for one in (NOTHING, Any, object))
    return is_free or is_series or is_result or get_origin(hint) is InferenceResult


def _without_results(hint: Any) -> Any:
    """A union without `InferenceResult`, which says by itself what it is."""
    if get_origin(hint) not in {Union, UnionType}:
        return hint
    others = [one for one in get_args(hint) if not (_is_open(one) and one is not Any)]
    return Union[tuple(others)] if others else Any  # noqa: UP007 - made at run time
