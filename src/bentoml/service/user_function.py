"""The function that a user declared as an API."""

from __future__ import annotations

import inspect
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractContextManager


T = TypeVar("T")


class FunctionKind(Enum):
    """How a function was written, and so how it is run."""

    PLAIN = "def"
    COROUTINE = "async def"
    GENERATOR = "def with yield"
    ASYNC_GENERATOR = "async def with yield"

    @property
    def is_async(self) -> bool:
        """Whether it needs an event loop."""
        return self in {FunctionKind.COROUTINE, FunctionKind.ASYNC_GENERATOR}

    @property
    def is_stream(self) -> bool:
        """Whether it yields its answer piece by piece."""
        return self in {FunctionKind.GENERATOR, FunctionKind.ASYNC_GENERATOR}


def kind_of(function: Callable[..., Any]) -> FunctionKind:
    """The kind of a function, also behind decorators that leave it as it is (`functools.wraps`)."""
    for candidate in (function, inspect.unwrap(function)):
        if inspect.isasyncgenfunction(candidate):
            return FunctionKind.ASYNC_GENERATOR
        if inspect.iscoroutinefunction(candidate):
            return FunctionKind.COROUTINE
        if inspect.isgeneratorfunction(candidate):
            return FunctionKind.GENERATOR
    return FunctionKind.PLAIN


def check_stream_mode(api_name: str, kind: FunctionKind, *, batch: bool) -> None:
    """Check that a generator is asked for one request at a time.

    Raises:
        InvalidArgument: it is declared with `batch=True`.
    """
    if batch and kind.is_stream:
        raise InvalidArgument(
            f"API '{api_name}' is a generator function, which streams the answer to one request; "
            "declare it with batch=False, or return a list instead of using yield"
        )


class UserFunction:
    """Calls a function of any kind, and gives it its tasks when it asks for them.

    Args:
        function: bound to its service.
        tasks_parameter: the parameter through which it asks: `tasks` with `batch=True`, otherwise `task`.
        argument_names: the parameters that arguments are passed to by name; None when they are passed in order.

    Attributes:
        kind: how it was written.
        is_async: whether it needs an event loop.
    """

    def __init__(
        self, function: Callable[..., Any], tasks_parameter: str, argument_names: Sequence[str] | None = None
    ) -> None:
        self._function = function
        self._names = argument_names
        self._parameter = tasks_parameter
        self._position = _position_of(tasks_parameter, function)
        self.kind = kind_of(function)
        self.is_async = self.kind.is_async

    async def __call__(self, args: Sequence[Any], tasks: Any) -> Any:
        """Call with the arguments that the input adapter made; `tasks` is one task or a list of them.

        Returns:
            What it returns; of a generator function, the generator, which has not begun.
        """
        if self._names is not None:
            named = dict(zip(self._names, args, strict=True))
            value = (
                self._function(**named)
                if self._position is None
                else self._function(**named, **{self._parameter: tasks})
            )
        # A parameter that a positional argument already fills is no request for tasks, whatever its name.
        elif self._position is None or self._position < len(args):
            value = self._function(*args)
        else:
            value = self._function(*args, **{self._parameter: tasks})
        return await awaited(value) if inspect.isawaitable(value) else value


class SurroundedFunction(UserFunction):
    """A function with something around each call.

    Args:
        inner: the function.
        around: makes what is entered before a call, and left after it.
    """

    def __init__(self, inner: UserFunction, around: Callable[[], AbstractContextManager[None]]) -> None:
        self._inner = inner
        self._around = around
        self.kind = inner.kind
        self.is_async = inner.is_async

    async def __call__(self, args: Sequence[Any], tasks: Any) -> Any:
        """See `UserFunction`."""
        with self._around():
            return await self._inner(args, tasks)


async def awaited(value: Awaitable[T]) -> T:
    """Await what user code has made.

    Raises:
        RuntimeError: it was cancelled, but not by whoever runs the call: an error of that code like any other. Before
            Python 3.11 tasks cannot tell one from the other, and the cancellation passes.
    """
    import asyncio

    try:
        return await value
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or not hasattr(task, "cancelling") or task.cancelling():
            raise
        raise RuntimeError("the call was cancelled by code of its own") from error


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
            return sys.maxsize
    return None
