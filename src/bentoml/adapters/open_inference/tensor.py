"""Tensors with a name, as requests bring them, and what is said about those that are expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.datatypes import BYTES

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class TensorSpec:
    """A tensor that an API takes.

    Attributes:
        name: of the tensor.
        datatype: such as `FP32`.
        shape: length of each axis; -1 for any.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """As the metadata of a model have it."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a request.

    Attributes:
        name: of the tensor.
        datatype: such as `FP32`.
        array: the values in their shape. Of a tensor that came as bytes it is a view of them, which cannot be written
            to. Elements of `BYTES` are `str` where they came as JSON, else `bytes`.
    """

    name: str
    datatype: str
    array: np.ndarray[Any, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        shape: tuple[int, ...] = self.array.shape
        return shape

    def texts(self) -> np.ndarray[Any, Any]:
        """The elements of a `BYTES` tensor as `str`, in an array of objects.

        Raises:
            InputError: one of them is no UTF-8.
        """
        import numpy as np

        texts = np.empty(self.array.size, dtype=object)
        try:
            texts[:] = [one if isinstance(one, str) else one.decode("utf-8") for one in self.array.ravel()]
        except UnicodeDecodeError as error:
            raise InputError(f"the elements of input {shown(self.name)} are no UTF-8 text") from error
        return texts.reshape(self.shape)

    def values(self) -> np.ndarray[Any, Any]:
        """The values; those of a `BYTES` tensor as `str`.

        Raises:
            InputError: they are `BYTES` and no UTF-8.
        """
        return self.texts() if self.datatype == BYTES else self.array


def shown(text: str) -> str:
    """What a client has sent, short and in quotes."""
    return repr(text if len(text) <= 100 else f"{text[:100]}...")
