"""PilImageInput keeps the contract, and gives images of Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from PIL import Image

from bentoml.adapters.pil_image_input import PilImageInput
from bentoml.types import HTTPRequest
from tests.adapters.contract import api_of
from tests.adapters.pictures import color_of, encoded, picture
from tests.adapters.test_image_input import UNREADABLE, ImageContract

if TYPE_CHECKING:
    from collections.abc import Sequence


class TestPilImageContract(ImageContract):
    CONTENT_TYPE: ClassVar = "image/png"
    MALFORMED: ClassVar = ["no image", "cut short"]
    REFUSAL: ClassVar = UNREADABLE.replace("ImageInput", "PilImageInput")
    GUILTY: ClassVar = ("guilty", str(tuple(color_of("guilty"))))

    def adapter(self) -> PilImageInput:
        return PilImageInput()

    def answer(self, images: Sequence[Any]) -> list[Any]:
        return [[image.size, str(image.getpixel((0, 0)))] for image in images]

    def content(self, body: str) -> bytes:
        return self.file_content(body)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_image_keeps_the_mode_of_its_file(mode: str) -> None:
    seen: list[Any] = []
    api = api_of(PilImageInput(), seen.append)
    assert api.handle_request(HTTPRequest(body=encoded(picture("a").convert(mode)))).status == 200
    assert isinstance(seen[0], Image.Image)
    assert (seen[0].mode, seen[0].size) == (mode, (7, 5))


def test_image_is_converted_when_a_mode_is_given() -> None:
    api = api_of(PilImageInput(pilmode="L"), lambda image: image.mode)
    assert api.handle_request(HTTPRequest(body=encoded(picture("a")))).body == b'"L"'
