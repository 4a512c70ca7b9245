"""Types of libraries that have an adapter of their own: what reads and writes them, and how they stand inside JSON."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args, get_origin

import msgspec

from bentoml.adapters.dataframe_input import DataframeInput
from bentoml.adapters.dataframe_output import DataframeOutput
from bentoml.adapters.errors import InputError
from bentoml.adapters.file_input import FileInput
from bentoml.adapters.file_output import FileOutput
from bentoml.adapters.image.reader import ImageError
from bentoml.adapters.image_output import ImageOutput
from bentoml.adapters.numpy_ndarray_input import NumpyNdarrayInput
from bentoml.adapters.numpy_ndarray_output import NumpyNdarrayOutput
from bentoml.adapters.pil_image_input import PilImageInput
from bentoml.adapters.pytorch_tensor_input import PytorchTensorInput
from bentoml.adapters.pytorch_tensor_output import PytorchTensorOutput
from bentoml.adapters.tf_tensor_input import TfTensorInput
from bentoml.adapters.tf_tensor_output import TfTensorOutput
from bentoml.adapters.typed.aliases import expanded
from bentoml.adapters.typed.opened_images import open_image
from bentoml.adapters.wire.media_types import JSON
from bentoml.types import HTTPHeaders, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml._util.multipart import FormPart
    from bentoml.adapters.base import BaseOutputAdapter
    from bentoml.adapters.body_input import BaseBodyInput

_JSON_HEADERS = HTTPHeaders([("Content-Type", JSON)])


@dataclass(frozen=True, eq=False)
class LibraryType:
    """A type that an adapter reads.

    Attributes:
        title: how a programmer writes it.
        make_input: makes the input adapter of a hint.
        make_output: makes the output adapter.
        is_joined: with `batch=True` all requests share one object.
        is_base64: inside of JSON it is text in base64, otherwise what its adapter reads from JSON.
        schema: of a value inside JSON, with an example.
        is_image: it is decoded with all other images of its request.
    """

    title: str
    make_input: Callable[[Any], BaseBodyInput]
    make_output: Callable[[], BaseOutputAdapter]
    is_joined: bool
    is_base64: bool
    schema: dict[str, Any]
    is_image: bool = False

    def value_of(self, value: Any, hint: Any) -> Any:
        """The object for a parsed value inside JSON or MessagePack.

        Raises:
            ValueError: the adapter refuses it; the text says why.
        """
        content = _bytes_of(value) if self.is_base64 else msgspec.json.encode(value)
        headers = HTTPHeaders() if self.is_base64 else HTTPHeaders(_JSON_HEADERS)
        try:
            return self._read(hint, content, headers, None, None)
        except InputError as error:
            raise ValueError(str(error)) from error

    def value_of_part(self, part: FormPart, hint: Any) -> Any:
        """The object for a field of a form, by its content type and file name.

        Raises:
            InputError: the adapter refuses it.
        """
        adapter = _adapter(self, hint)
        given = adapter.file_content_type(part.file_name or "", part.content_type)
        headers = HTTPHeaders([("Content-Type", given)] if given else [])
        return self._read(hint, part.content, headers, part.charset, part.file_name)

    def _read(self, hint: Any, content: bytes, headers: HTTPHeaders, charset: str | None, file_name: str | None) -> Any:
        if self.is_image:
            return _opened(content, file_name)
        adapter = _adapter(self, hint)
        task: InferenceTask[Any] = InferenceTask(task_id="-", http_headers=headers)
        try:
            adapter.fill(task, content, charset, file_name)
            args = () if task.is_discarded else adapter.extract_single_args(task)
        except InputError as error:
            raise InputError(str(error).removeprefix(adapter.ERROR_PREFIX), error.status_code) from error
        if task.is_discarded:
            refused = task.error
            assert refused is not None
            raise InputError(refused.err_msg.removeprefix(adapter.ERROR_PREFIX), refused.http_status)
        return args[0]


@lru_cache(maxsize=256)
def _adapter(known: LibraryType, hint: Any) -> BaseBodyInput:
    return known.make_input(hint)


def _opened(content: bytes, file_name: str | None) -> Any:
    if file_name and not _adapter(_IMAGE, None).accepts(file_name):  # type: ignore[attr-defined]  # an input of images
        raise InputError(f"{file_name[:100]!r} has none of the extensions of images that are accepted")
    try:
        return open_image(content)
    except ImageError as error:
        raise InputError(str(error)) from error


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("expected text in base64")  # noqa: TRY004 - it is about the value that a client sent
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not valid base64") from error


_ARRAY = {"type": "array", "items": {}, "example": [1.5, 2.5]}
_RECORDS = {"type": "array", "items": {"type": "object"}, "example": [{"a": 1, "b": 2.5}]}

_FILE = {"type": "string", "format": "byte"}
_ONE_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="

_IMAGE = LibraryType(
    "PIL.Image.Image",
    lambda _hint: PilImageInput(),
    ImageOutput,
    is_joined=False,
    is_base64=True,
    schema={**_FILE, "example": _ONE_PIXEL},
    is_image=True,
)

_BY_NAME = {
    ("PIL", "Image"): _IMAGE,
    ("bentoml", "FileLike"): LibraryType(
        "FileLike", lambda _hint: FileInput(), FileOutput, is_joined=False, is_base64=True, schema=_FILE
    ),
    ("pandas", "DataFrame"): LibraryType(
        "pd.DataFrame",
        lambda _hint: DataframeInput(),
        DataframeOutput,
        is_joined=True,
        is_base64=False,
        schema=_RECORDS,
    ),
    ("numpy", "ndarray"): LibraryType(
        "np.ndarray",
        lambda hint: NumpyNdarrayInput(dtype=dtype_of(hint)),
        NumpyNdarrayOutput,
        is_joined=True,
        is_base64=False,
        schema=_ARRAY,
    ),
    ("torch", "Tensor"): LibraryType(
        "torch.Tensor",
        lambda _hint: PytorchTensorInput(),
        PytorchTensorOutput,
        is_joined=True,
        is_base64=False,
        schema=_ARRAY,
    ),
    ("tensorflow", "Tensor"): LibraryType(
        "tf.Tensor",
        lambda _hint: TfTensorInput(),
        TfTensorOutput,
        is_joined=True,
        is_base64=False,
        schema={"type": "object", "example": {"instances": [1.5, 2.5]}},
    ),
}


def library_type(hint: Any) -> LibraryType | None:
    """What is known about the type that a hint names; None when it is none of these."""
    hint = expanded(hint)
    if hasattr(hint, "__metadata__"):  # Annotated
        hint = expanded(hint.__origin__)
    origin = get_origin(hint) or hint
    if not isinstance(origin, type):
        return None
    # By name, so that nothing is imported that the user's module has not imported.
    for cls in origin.__mro__:
        found = _BY_NAME.get((cls.__module__.partition(".")[0], cls.__qualname__))
        if found is not None:
            return found
    return None


def dtype_of(hint: Any) -> Any:
    """The numpy type that `npt.NDArray[...]` names; None when it names none."""
    for arg in get_args(expanded(hint))[1:]:
        for kind in get_args(arg):
            if isinstance(kind, type) and kind.__module__ == "numpy" and not kind.__subclasses__():
                return kind
    return None
