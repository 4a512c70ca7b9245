"""Arrays of numpy, and tensors of TensorFlow and PyTorch as arrays; none of these libraries is imported for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bentoml.adapters.array.npy import Array


def is_array_type(kind: type) -> bool:
    """Whether values of a type are arrays of numpy or tensors."""
    numpy = sys.modules.get("numpy")
    return (numpy is not None and issubclass(kind, numpy.ndarray)) or is_tensor_type(kind)


def is_tensor_type(kind: type) -> bool:
    """Whether values of a type are tensors of TensorFlow or PyTorch."""
    return _is_torch_type(kind) or _is_tensorflow_type(kind)


def _is_torch_type(kind: type) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(kind, torch.Tensor)


def _is_tensorflow_type(kind: type) -> bool:
    """Whether it is a tensor of TensorFlow: dense, ragged or a variable."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and issubclass(
        kind, (tensorflow.Tensor, tensorflow.RaggedTensor, tensorflow.Variable)
    )


def as_array(value: Any) -> Array:
    """An array as it is; a tensor as an array, on the memory of the tensor where that is in reach of the processor.

    Types that numpy does not have, such as bfloat16, become float32.
    """
    if _is_torch_type(type(value)):
        return _of_torch(value)
    if _is_tensorflow_type(type(value)):
        return _of_tensorflow(value)
    array: Array = value
    return array


def _of_torch(tensor: Any) -> Array:
    import torch

    tensor = tensor.detach()
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    tensor = tensor.cpu().resolve_conj().resolve_neg()
    if tensor.is_floating_point() and tensor.dtype not in {torch.float64, torch.float32, torch.float16}:
        tensor = tensor.float()
    array: Array = tensor.numpy()
    return array


def _of_tensorflow(tensor: Any) -> Array:
    import tensorflow as tf

    if isinstance(tensor, tf.RaggedTensor):
        return tensor.numpy()  # type: ignore[no-any-return]  # objects that are arrays
    if tensor.dtype.is_floating and tensor.dtype not in {tf.float64, tf.float32, tf.float16}:
        tensor = tf.cast(tensor, tf.float32)
    array: Array = tensor.numpy()
    return array
