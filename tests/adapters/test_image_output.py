"""ImageOutput keeps the contract, and encodes what pixels are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from bentoml.adapters import ImageInput, ImageOutput, JsonInput
from bentoml.exceptions import InvalidArgument
from bentoml.types import HTTPRequest
from tests.adapters.contract import api_of
from tests.adapters.pictures import color_of, picture, png
from tests.adapters.test_file_output import BinaryOutputContract

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.types import HTTPResponse


class TestImageOutputOfArrays(BinaryOutputContract):
    CONTENT_TYPE: ClassVar = "image/png"

    def adapter(self) -> ImageOutput:
        return ImageOutput()

    def values(self, count: int) -> Any:
        return np.stack([np.full((5, 7, 3), i, "uint8") for i in range(count)]) if count else np.empty((0, 5, 7, 3))


class TestImageOutputOfPictures(BinaryOutputContract):
    CONTENT_TYPE: ClassVar = "image/webp"

    def adapter(self) -> ImageOutput:
        return ImageOutput("webp", quality=80)

    def values(self, count: int) -> Any:
        return [picture(str(i)) for i in range(count)]


def answer(value: Any, accept: str = "", **arguments: Any) -> HTTPResponse:
    """The answer of an API that returns a value."""
    api = api_of(JsonInput(), lambda _: value, output_adapter=ImageOutput(**arguments))
    return api.handle_request(HTTPRequest({"Accept": accept} if accept else {}, b"1"))


def opened(response: HTTPResponse) -> Image.Image:
    assert response.status == 200, response.body
    return Image.open(io.BytesIO(response.body))


GRAY = np.array([[0, 128], [255, 1]], "uint8")


@pytest.mark.parametrize(
    ("array", "pixels"),
    [
        pytest.param(GRAY, GRAY, id="gray"),
        pytest.param(GRAY[:, :, None], GRAY, id="gray with an axis of one"),
        pytest.param(np.dstack([GRAY] * 3), np.dstack([GRAY] * 3), id="colors"),
        pytest.param(np.dstack([GRAY] * 4), np.dstack([GRAY] * 4), id="colors and transparency"),
        pytest.param(np.dstack([GRAY] * 3)[::-1, ::-1], np.dstack([GRAY] * 3)[::-1, ::-1], id="a view"),
        pytest.param(GRAY > 100, (GRAY > 100) * np.uint8(255), id="bool"),
        pytest.param(GRAY / 255, GRAY, id="floats"),
        pytest.param((GRAY / 255).astype("float16"), GRAY, id="short floats"),
        pytest.param(np.array([[-1, 2], [np.nan, np.inf]]), [[0, 255], [0, 255]], id="other floats"),
        pytest.param(GRAY.astype("int64"), GRAY, id="integers"),
    ],
)
def test_array_is_sent_as_its_pixels(array: Any, pixels: Any) -> None:
    image = opened(answer(array))
    assert image.format == "PNG"
    assert np.asarray(image).tolist() == np.asarray(pixels).tolist()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(np.zeros((2, 2, 2), "uint8"), id="two bands"),
        pytest.param(np.zeros((2,), "uint8"), id="one axis"),
        pytest.param(np.zeros((1, 2, 2, 3), "uint8"), id="four axes"),
        pytest.param(np.zeros((0, 2), "uint8"), id="no pixels"),
        pytest.param(np.array([[256]]), id="too large"),
        pytest.param(np.array([[-1]]), id="negative"),
        pytest.param(np.array([[1j]]), id="complex"),
        pytest.param(np.array([["a"]]), id="text"),
        pytest.param("a.png", id="a path"),
        pytest.param(png("a"), id="bytes"),
        pytest.param([[1, 2]], id="lists"),
        pytest.param(None, id="nothing"),
    ],
)
def test_value_that_is_no_image_fails_alone_and_tells_the_client_nothing(value: Any) -> None:
    api = api_of(JsonInput(), lambda _: [GRAY, value, GRAY], batch=True, output_adapter=ImageOutput())
    responses = api.handle_batch_request([HTTPRequest(body=b"1")] * 3)
    assert [response.status for response in responses] == [200, 500, 200]
    assert responses[1].body == b"ImageOutput cannot send the return value; the log says why"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK", "YCbCr", "F", "I", "HSV"])
@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_picture_of_any_kind_is_sent_in_any_format(mode: str, image_format: str) -> None:
    image = opened(answer(Image.new(mode, (7, 5)), image_format=image_format))
    assert (image.format, image.size) == (image_format.upper(), (7, 5))


def test_palette_with_transparency_is_sent_in_any_format() -> None:
    image = picture("a").quantize(2)
    image.info["transparency"] = b"\0\xff"
    assert [opened(answer(image, image_format=one)).size for one in ("png", "jpeg", "webp")] == [(7, 5)] * 3


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/avif,image/webp,*/*;q=0.8", "image/webp"),
        ("image/png;q=0.1, image/jpeg;q=0.2", "image/jpeg"),
        ("application/json", "image/jpeg"),
    ],
)
def test_format_is_what_the_client_prefers(accept: str, content_type: str) -> None:
    response = answer(GRAY, accept, image_format="jpeg")
    assert (response.headers["content-type"], response.headers["vary"]) == (content_type, "Accept")
    assert f"image/{(opened(response).format or '').lower()}" == content_type


def test_requests_of_a_batch_get_the_formats_that_each_prefers() -> None:
    api = api_of(JsonInput(), lambda values: [GRAY] * len(values), batch=True, output_adapter=ImageOutput())
    accepts = ["image/webp", "image/png", "image/jpeg", "image/webp"]
    responses = api.handle_batch_request([HTTPRequest({"Accept": accept}, b"1") for accept in accepts])
    assert [response.headers["content-type"] for response in responses] == accepts


def test_quality_changes_the_size() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), "uint8")
    sizes = [len(answer(noise, image_format="jpeg", quality=quality).body) for quality in (10, 90)]
    assert sizes[0] * 2 < sizes[1]


def test_image_that_came_in_can_go_out() -> None:
    api = api_of(ImageInput(), lambda image: image[:, ::-1], output_adapter=ImageOutput())
    image = opened(api.handle_request(HTTPRequest(body=png("a"))))
    assert np.asarray(image)[0, 0].tolist() == color_of("a")


@pytest.mark.parametrize(
    "make", [lambda: ImageOutput("gif"), lambda: ImageOutput(quality=0), lambda: ImageOutput(quality=101)]
)
def test_argument_that_nothing_can_be_encoded_with_is_invalid(make: Callable[[], ImageOutput]) -> None:
    with pytest.raises(InvalidArgument):
        make()
