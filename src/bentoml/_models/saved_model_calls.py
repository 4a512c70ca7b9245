"""Calling the functions of a loaded SavedModel with plain values.

A function of a SavedModel takes tensors of exactly the types that it was traced with: float32 where it says so, and
neither the float64 that NumPy makes nor lists. Here arguments are made into what the function says it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._models.tensor_fit import MisfitError, described, fitted
from bentoml._util.optional import require
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# What is called when the model itself is: its own `__call__`, or what Keras exports.
_CALLS = ("__call__", "serve")


class CallableModel:
    """An object of a loaded SavedModel. Its functions and signatures take plain values, all else is as it was.

    Args:
        loaded: what `tf.saved_model.load` returned, or an object in it.
        device: where functions run, such as `/CPU:0`.
    """

    def __init__(self, loaded: Any, device: str) -> None:
        self._loaded = loaded
        self._device = device

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model: its `__call__`, or `serve`, which Keras exports.

        Raises:
            InvalidArgument: the arguments do not fit.
            TypeError: it has neither.
        """
        function = next((getattr(self._loaded, name) for name in _CALLS if name in vars(self._loaded)), None)
        if function is None:
            raise TypeError(f"this SavedModel has no function of its own to call; there are {self._callable_names()}")
        return self._wrapped("the model", function)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_loaded":  # while it is copied
            raise AttributeError(name)
        return self._wrapped(name, getattr(self._loaded, name))

    def __dir__(self) -> list[str]:
        return dir(self._loaded)

    def __repr__(self) -> str:
        return f"<SavedModel with {self._callable_names()}>"

    def _callable_names(self) -> str:
        functions = [name for name, value in vars(self._loaded).items() if _forms_of(value)]
        signatures = [f"signatures[{name!r}]" for name in getattr(self._loaded, "signatures", {})]
        return ", ".join([*functions, *signatures]) or "no functions"

    def _wrapped(self, name: str, value: Any) -> Any:
        if name == "signatures":
            return {key: CallableFunction(key, one, self._device) for key, one in value.items()}
        if _forms_of(value):
            return CallableFunction(name, value, self._device)
        if isinstance(value, require("tensorflow").__internal__.tracking.AutoTrackable):
            return CallableModel(value, self._device)
        return value


class CallableFunction:
    """A function or signature of a SavedModel that takes plain values.

    Args:
        name: for messages.
        function: as TensorFlow has loaded it.
        device: where it runs, such as `/CPU:0`.
    """

    def __init__(self, name: str, function: Any, device: str) -> None:
        self._name = name
        self._function = function
        self._device = device

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, in the form that is nearest to the arguments.

        Raises:
            InvalidArgument: they fit none of its forms.
        """
        with require("tensorflow").device(self._device):
            fits = list(self._fits(args, kwargs))
            if not fits:
                forms = " or ".join(
                    _described_call(*form.structured_input_signature) for form in _forms_of(self._function)
                )
                raise InvalidArgument(f"{self._name} takes {forms}, not {_described_call(args, kwargs)}")
            _, fitted_args, fitted_kwargs = min(fits, key=lambda fit: fit[0])
            return self._function(*fitted_args, **fitted_kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_function":  # while it is copied
            raise AttributeError(name)
        return getattr(self._function, name)

    def __repr__(self) -> str:
        return f"<function {self._name} of a SavedModel>"

    def _fits(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[int, list[Any], dict[str, Any]]]:
        """For each form that the arguments fit: how far they are from it, and the arguments for it."""
        spec = getattr(self._function, "function_spec", None)
        defaults = {} if spec is None else dict(spec.default_values)
        for form in _forms_of(self._function):
            wanted_args, wanted_kwargs = form.structured_input_signature
            names = _names_of_positions(form, len(wanted_args))
            try:
                given = _bound(names or list(wanted_kwargs)[:1], args, kwargs)
                values = {**{name: defaults[name] for name in (*names, *wanted_kwargs) if name in defaults}, **given}
                wanted = {**dict(zip(names, wanted_args, strict=True)), **wanted_kwargs}
                taken, distance = fitted(values, wanted)
            except MisfitError:
                continue
            yield distance, [taken.pop(name) for name in names], taken


def _forms_of(function: Any) -> list[Any]:
    """The concrete functions that a function was traced to; none when it is something else."""
    if not callable(function):  # a graph of TensorFlow 1 has a signature, too
        return []
    if hasattr(function, "concrete_functions"):
        return list(function.concrete_functions)
    return [function] if getattr(function, "structured_input_signature", None) is not None else []


def _names_of_positions(form: Any, count: int) -> list[str]:
    """Names of the arguments that have a position; numbers for those that have no name."""
    names = list(form.function_type.parameters)[:count] if count else []
    return names + [f"#{number}" for number in range(len(names), count)]


def _bound(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name. A signature takes its tensors by name only; the only one of them may come without."""
    if len(args) > len(names) or any(name in kwargs for name in names[: len(args)]):
        raise MisfitError
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _described_call(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    named = [f"{name}: {described(value)}" for name, value in kwargs.items()]
    return "(" + ", ".join([*map(described, args), *named]) + ")"
