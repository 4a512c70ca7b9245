"""Tensors of PyTorch as arguments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml._models.torch_device import torch_device
from bentoml._util.optional import require
from bentoml.adapters.array.nested_lists import as_type
from bentoml.adapters.array_input import BaseArrayInput
from bentoml.configuration import chosen_device
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.adapters.array.npy import Array
    from bentoml.adapters.open_inference.tensor import TensorSpec

# Types of tensors that numpy does not have, and what they are read as.
_READ_AS = {"bfloat16": "float32"}
_KINDS_OF_TENSORS = "biufc"


class PytorchTensorInput(BaseArrayInput):
    """One tensor with the rows of all requests of a batch; without batches, the tensor of one request.

    Bodies are those that `NumpyNdarrayInput` takes. As in `torch.tensor`, numbers with a fraction in JSON and
    MessagePack become float32 where no type is declared; integers become int64. What an npy body holds keeps its type.

    The tensor is on the device of models: `BENTOML_DEVICE`, or `bento_server.device`. On the processor,
    the default, it is not to be written to in place: it may lie on the body itself.

    Args:
        dtype: type that the values must fit, such as `torch.float32` or its name; None to tell it from the values.
        shape: length of each axis, None where any will do, such as `(None, 3, 224, 224)`; None for any shape.
        **base_config: see `BaseInputAdapter`.

    Raises:
        InvalidArgument: tensors have no such type, or the shape is not one.
    """

    ERROR_PREFIX: ClassVar[str] = "PytorchTensorInput: "

    def __init__(self, dtype: Any = None, shape: Sequence[int | None] | None = None, **base_config: Any) -> None:
        name = None if dtype is None else _type_name(dtype)
        super().__init__(None if name is None else _READ_AS.get(name, name), shape, **base_config)
        if self.dtype is not None and self.dtype.kind not in _KINDS_OF_TENSORS:
            raise InvalidArgument(f"tensors of PyTorch have no type {dtype!r}")
        self._type_name = name
        self._device: Any = None

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "dtype": self._type_name}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["numpy", "torch"]

    def prepare(self) -> None:
        """Import numpy and PyTorch, and look for the device.

        Raises:
            ArtifactLoadingException: the machine lacks it.
        """
        super().prepare()
        self._device = torch_device(chosen_device())

    @property
    def tensor_specs(self) -> list[TensorSpec]:
        """The only one; of fractions as float32 where no type is declared."""
        (spec,) = super().tensor_specs
        return [replace(spec, datatype="FP32") if self.dtype is None and spec.datatype == "FP64" else spec]

    def of_lists(self, array: Array) -> Array:
        """Fractions as float32, the type that tensors of numbers have by default."""
        import numpy as np

        return as_type(array, np.dtype(np.float32)) if self.dtype is None and array.dtype == np.float64 else array

    def argument(self, array: Array) -> Any:
        """A tensor on the chosen device; if that is the processor, on the memory of the array."""
        torch = require("torch")
        if self._device is None:
            self._device = torch_device(chosen_device())
        tensor = torch.from_numpy(_without_write_protection(array))
        return tensor.to(self._device, getattr(torch, self._type_name) if self._type_name in _READ_AS else None)

    def _misfit(self, array: Array) -> str:
        if array.dtype.kind not in _KINDS_OF_TENSORS:
            return f"tensors cannot hold values of type {array.dtype}"
        return super()._misfit(array)


class _Unprotected:
    """Memory of an array, and that it may be written to."""

    def __init__(self, array: Array) -> None:
        address, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}
        self.array = array


def _without_write_protection(array: Array) -> Array:
    """The same array for PyTorch, which has no tensors that are protected and warns of the others."""
    import numpy as np

    return np.asarray(_Unprotected(array))


def _type_name(dtype: Any) -> str:
    name = str(dtype).removeprefix("torch.")
    if name in _READ_AS or str(dtype) != name:
        return name
    numpy = require("numpy")
    try:
        return str(numpy.dtype(dtype).name)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"tensors of PyTorch have no type {dtype!r}") from error
