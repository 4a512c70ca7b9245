"""The function that a user declared as an API."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class UserFunction:
    """Calls a plain function or a coroutine function, and gives it its tasks when it asks for them.

    Args:
        function: bound to its service.
        tasks_parameter: the parameter through which it asks: `tasks` with `batch=True`, otherwise `task`.

    Attributes:
        is_async: whether it was written with `async def`, possibly behind a decorator.
    """

    def __init__(self, function: Callable[..., Any], tasks_parameter: str) -> None:
        self._function = function
        self._parameter = tasks_parameter
        self._position = _position_of(tasks_parameter, function)
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(inspect.unwrap(function))

    async def __call__(self, args: Sequence[Any], tasks: Any) -> Any:
        """Call with the arguments that the input adapter made; `tasks` is one task or a list of them."""
        # A parameter that a positional argument already fills is no request for tasks, whatever its name.
        if self._position is None or self._position < len(args):
            value = self._function(*args)
        else:
            value = self._function(*args, **{self._parameter: tasks})
        return await value if inspect.isawaitable(value) else value


def _position_of(name: str, function: Callable[..., Any]) -> int | None:
    """Position of a parameter among those that positional arguments fill; None when there is no such parameter."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # built-in functions may not tell
        return None
    for position, parameter in enumerate(parameters):
        if parameter.name == name and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            return position
        if parameter.name == name and parameter.kind is parameter.KEYWORD_ONLY:
            return len(parameters)
    return None
