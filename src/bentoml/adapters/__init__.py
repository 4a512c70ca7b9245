"""Input and output adapters: from wire bytes to the arguments of an API function, and back."""

from __future__ import annotations

from typing import NoReturn

from bentoml._util.dropped import CLIPPER_KINDS, CLIPPER_REASON, refuse_name
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


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name, _DROPPED)
