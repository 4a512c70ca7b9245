"""Tensors of PyTorch as answers."""

from __future__ import annotations

from bentoml.adapters.numpy_ndarray_output import NumpyNdarrayOutput


class PytorchTensorOutput(NumpyNdarrayOutput):
    """Writes each request's rows of a tensor as `NumpyNdarrayOutput` does those of an array.

    The tensor may be on any device and part of a graph; bfloat16 and smaller floats are written as float32.

    Args:
        ensure_ascii: in JSON, write non-ASCII text as escapes.
        charset: added to the content type of JSON.
        **base_config: kept in `config`.
    """

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["numpy", "torch"]
