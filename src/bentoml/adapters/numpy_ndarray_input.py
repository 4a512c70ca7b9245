"""Arrays of numpy as arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.array_input import BaseArrayInput

if TYPE_CHECKING:
    from bentoml.adapters.array.npy import Array


class NumpyNdarrayInput(BaseArrayInput):
    """One array with the rows of all requests of a batch; without batches, the array of one request.

    Bodies are nested JSON lists, MessagePack lists, or npy by their content type; an npy body is also known by how it
    begins. Without a declared type, integers become int64, integers and fractions float64, `true` and `false` bool;
    text and dates need a declared type. What an npy body holds keeps its type.

    The array is not to be written to: it may be the body itself. Change a copy.

    Args:
        dtype: numpy type that the values must fit, or its name; None to tell it from the values.
        shape: length of each axis, None where any will do, such as `(None, 4)`; None for any shape.
        **base_config: see `BaseInputAdapter`.
    """

    ERROR_PREFIX: ClassVar[str] = "NumpyNdarrayInput: "

    def argument(self, array: Array) -> Any:
        """The array itself."""
        return array
