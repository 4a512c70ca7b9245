"""Tensors of TensorFlow as answers."""

from __future__ import annotations

from bentoml._models.tensorflow_device import tensorflow_distribution
from bentoml.adapters.numpy_ndarray_output import NumpyNdarrayOutput


class TfTensorOutput(NumpyNdarrayOutput):
    """Writes each request's rows of a tensor as a JSON list; one element where the request was one instance.

    Strings of bytes are written as text, or as `{"b64": "..."}` where they are not UTF-8. Clients may ask for npy or
    MessagePack as they may with `NumpyNdarrayOutput`.

    Args:
        ensure_ascii: in JSON, write non-ASCII text as escapes.
        charset: added to the content type of JSON.
        **base_config: kept in `config`.
    """

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return [tensorflow_distribution()]
