"""What the annotations of an API function say about its requests and its answers."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from bentoml.adapters.typed.aliases import expanded
from bentoml.adapters.typed.hint_text import hint_text
from bentoml.exceptions import InvalidArgument
from bentoml.types import InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable

_UNNAMED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
NOTHING = inspect.Parameter.empty


@dataclass(frozen=True)
class Annotations:
    """The parameters that requests fill, and what the function returns.

    Attributes:
        api_name: name of the API, for errors.
        parameters: name, hint and default of each; `NOTHING` stands for no default.
        returned: the hint of the return value; `NOTHING` when there is none.
        names: the names, when the arguments can only be passed by name; None when they can be passed in their order.
    """

    api_name: str
    parameters: tuple[tuple[str, Any, Any], ...]
    returned: Any
    names: tuple[str, ...] | None

    def error(self, text: str) -> InvalidArgument:
        """An error of the definition."""
        return InvalidArgument(f"API '{self.api_name}': {text}")


def read_annotations(
    function: Callable[..., Any], api_name: str, *, batch: bool, with_return: bool = True
) -> Annotations:
    """Read the annotations of a method, except those of `self` and of the parameter for tasks.

    Args:
        function: not yet bound.
        api_name: for errors.
        batch: whether the parameter for tasks is called `tasks`, or `task`.
        with_return: whether to read the return annotation.

    Raises:
        InvalidArgument: there is nothing for a request to fill, an annotation is missing or cannot be resolved.
    """
    found = list(inspect.signature(function).parameters.values())[1:]
    filled = [one for one in found if one.name != ("tasks" if batch else "task")]
    if not filled or all(one.annotation is NOTHING for one in filled):
        raise InvalidArgument(
            f"API '{api_name}' says nothing about its input: give it an adapter, such as @api(input=JsonInput()), or "
            f"annotate its parameters, such as def {function.__name__}(self, values: list[float])"
        )
    for one in filled:
        if one.annotation is NOTHING or one.kind in _UNNAMED:
            raise InvalidArgument(
                f"API '{api_name}': parameter '{one}' needs a name and an annotation, for a request to fill it; or "
                "give the API an adapter: @api(input=...)"
            )
    in_order = found[: len(filled)] == filled and all(one.kind in _POSITIONAL for one in filled)
    if not in_order and any(one.kind is one.POSITIONAL_ONLY for one in filled):
        raise InvalidArgument(f"API '{api_name}': parameters before / must come before all others; leave the / out")
    resolve = _Resolver(function, api_name)
    parameters = tuple((one.name, resolve(f"'{one.name}'", one.annotation), one.default) for one in filled)
    for name, hint, _ in parameters:
        _check_no_task(api_name, name, hint, batch=batch)
    return Annotations(
        api_name=api_name,
        parameters=parameters,
        returned=resolve("what it returns", inspect.signature(function).return_annotation) if with_return else NOTHING,
        names=None if in_order else tuple(one.name for one in filled),
    )


def _check_no_task(api_name: str, name: str, hint: Any, *, batch: bool) -> None:
    kinds = [get_origin(one) or one for one in (hint, *get_args(hint))]
    if any(isinstance(kind, type) and issubclass(kind, InferenceTask) for kind in kinds):
        raise InvalidArgument(
            f"API '{api_name}': no request can fill '{name}'; with batch={batch} the parameter for the "
            f"{'tasks is called tasks' if batch else 'task is called task'}"
        )


class _Resolver:
    """Evaluates annotations that are text, one by one: nobody needs those of other parameters."""

    def __init__(self, function: Callable[..., Any], api_name: str) -> None:
        self._globals = getattr(inspect.unwrap(function), "__globals__", {})
        self._api_name = api_name

    def __call__(self, what: str, annotation: Any) -> Any:
        if annotation is NOTHING:
            return annotation
        holder = SimpleNamespace(__annotations__={"hint": annotation})
        try:
            hint = expanded(get_type_hints(holder, self._globals, {}, include_extras=True)["hint"])
        except NameError as error:
            raise InvalidArgument(
                f"API '{self._api_name}': the type of {what} is {hint_text(annotation)}, but {error.name} is not "
                "defined; define or import it before the service class, and not below `if TYPE_CHECKING`"
            ) from error
        except (TypeError, SyntaxError, AttributeError) as error:
            raise InvalidArgument(
                f"API '{self._api_name}': the type of {what}, {hint_text(annotation)}, is none: {error}"
            ) from error
        if isinstance(hint, ModuleType):
            raise InvalidArgument(
                f"API '{self._api_name}': the type of {what} is the module {hint.__name__}; write the class in it, "
                f"such as {hint.__name__}.{hint.__name__.rpartition('.')[2]}"
            )
        return hint


def element_of(hint: Any) -> Any:
    """The hint of the elements of a list; `NOTHING` when it is no list."""
    if hint is list or hint is Sequence:
        return Any
    return expanded(get_args(hint)[0]) if get_origin(hint) in {list, Sequence} else NOTHING
