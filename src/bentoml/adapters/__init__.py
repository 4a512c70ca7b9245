"""Input and output adapters: from wire bytes to the arguments of an API function, and back.

Names are loaded on first use: the processes of a server that never look into a body do without them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from bentoml._util.dropped import CLIPPER_KINDS, CLIPPER_REASON, refuse_name

if TYPE_CHECKING:
    from bentoml.adapters.annotated_image_input import AnnotatedImageInput
    from bentoml.adapters.base import BaseInputAdapter, BaseOutputAdapter
    from bentoml.adapters.dataframe_input import DataframeInput
    from bentoml.adapters.dataframe_output import DataframeOutput
    from bentoml.adapters.default_output import DefaultOutput
    from bentoml.adapters.file_input import FileInput
    from bentoml.adapters.file_output import FileOutput
    from bentoml.adapters.image_input import ImageInput
    from bentoml.adapters.image_output import ImageOutput
    from bentoml.adapters.json_input import JsonInput
    from bentoml.adapters.json_output import JsonOutput
    from bentoml.adapters.multi_file_input import MultiFileInput
    from bentoml.adapters.multi_image_input import MultiImageInput
    from bentoml.adapters.numpy_ndarray_input import NumpyNdarrayInput
    from bentoml.adapters.numpy_ndarray_output import NumpyNdarrayOutput
    from bentoml.adapters.pytorch_tensor_input import PytorchTensorInput
    from bentoml.adapters.pytorch_tensor_output import PytorchTensorOutput
    from bentoml.adapters.string_input import StringInput
    from bentoml.adapters.string_output import StringOutput
    from bentoml.adapters.tf_tensor_input import TfTensorInput
    from bentoml.adapters.tf_tensor_output import TfTensorOutput

_HOME_OF = {
    "AnnotatedImageInput": "annotated_image_input",
    "BaseInputAdapter": "base",
    "BaseOutputAdapter": "base",
    "DataframeInput": "dataframe_input",
    "DataframeOutput": "dataframe_output",
    "DefaultOutput": "default_output",
    "FileInput": "file_input",
    "FileOutput": "file_output",
    "ImageInput": "image_input",
    "ImageOutput": "image_output",
    "JsonInput": "json_input",
    "JsonOutput": "json_output",
    "MultiFileInput": "multi_file_input",
    "MultiImageInput": "multi_image_input",
    "NumpyNdarrayInput": "numpy_ndarray_input",
    "NumpyNdarrayOutput": "numpy_ndarray_output",
    "PytorchTensorInput": "pytorch_tensor_input",
    "PytorchTensorOutput": "pytorch_tensor_output",
    "StringInput": "string_input",
    "StringOutput": "string_output",
    "TfTensorInput": "tf_tensor_input",
    "TfTensorOutput": "tf_tensor_output",
}
__all__ = [
    "AnnotatedImageInput",
    "BaseInputAdapter",
    "BaseOutputAdapter",
    "DataframeInput",
    "DataframeOutput",
    "DefaultOutput",
    "FileInput",
    "FileOutput",
    "ImageInput",
    "ImageOutput",
    "JsonInput",
    "JsonOutput",
    "MultiFileInput",
    "MultiImageInput",
    "NumpyNdarrayInput",
    "NumpyNdarrayOutput",
    "PytorchTensorInput",
    "PytorchTensorOutput",
    "StringInput",
    "StringOutput",
    "TfTensorInput",
    "TfTensorOutput",
]

_DROPPED = {f"Clipper{kind}Input": f"{CLIPPER_REASON}; use JsonInput or DataframeInput" for kind in CLIPPER_KINDS}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        refuse_name(__name__, name, _DROPPED)
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
