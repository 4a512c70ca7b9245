"""Free-form values that have to survive YAML and JSON."""

from __future__ import annotations

from typing import Any

from bentoml.exceptions import InvalidArgument

_SCALARS = (str, int, float, bool, type(None))


def plain_value(value: Any, where: str) -> Any:
    """A copy of `value` made of dicts, lists, str, int, float, bool and None only.

    Tuples and sets become lists, numpy scalars the Python number they hold.

    Args:
        value: what to copy.
        where: how to call it in an error.

    Raises:
        InvalidArgument: some part of it is of another type, or the key of a dict is not a str.
    """
    if type(value) in _SCALARS:
        return value
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise InvalidArgument(f"{where}: keys must be str, got {key!r}")
        return {str(key): plain_value(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain_value(item, where) for item in value]
    if isinstance(value, (str, int, float)):  # subclasses, such as enums and numpy.float64
        base = next(kind for kind in (bool, int, float, str) if isinstance(value, kind))
        return base(value.value if hasattr(value, "value") and isinstance(value.value, base) else value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        scalar = item()
        if type(scalar) in _SCALARS:
            return scalar
    raise InvalidArgument(
        f"{where}: {type(value).__name__} can not be stored; use str, int, float, bool, None, lists and dicts"
    )
