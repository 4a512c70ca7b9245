"""ImageInput keeps the contract, and decodes what images are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from PIL import Image

from bentoml.adapters import ImageInput
from bentoml.exceptions import InvalidArgument
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import FORM, form_body, form_request
from tests.adapters.pictures import color_of, encoded, picture, png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bentoml.service.inference_api import InferenceAPI

UNREADABLE = (
    "BentoML#ImageInput cannot decode the image: it is damaged, cut short, or none of JPEG, PNG, TIFF, WEBP, BMP"
)


class ImageContract(InputAdapterContract):
    """A text stands for a picture of a color of its own."""

    IS_TEXT: ClassVar = False
    GOOD: ClassVar = ["a", "guilty", "b", "c"]
    GUILTY: ClassVar = ("guilty", str(color_of("guilty")))

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path

    def adapter(self) -> ImageInput:
        return ImageInput()

    def answer(self, images: Sequence[NDArray[Any]]) -> list[Any]:
        return [[image.shape, image[0, 0].tolist()] for image in images]

    def shown(self, arguments: Sequence[Any]) -> str:
        return str(self.answer(*arguments))

    def file_content(self, body: str) -> bytes:
        image = png(body)
        return {"no image": b"no image", "cut short": image[:-30]}.get(body, image)

    def value_words(self, bodies: Sequence[str]) -> list[str]:
        # A value of the command line cannot be an image.
        return self.file_words(bodies, self.directory)

    def file_words(self, bodies: Sequence[str], directory: Path) -> list[str]:
        names = [str(directory / f"{i}.png") for i, _ in enumerate(bodies)]
        for name, body in zip(names, bodies, strict=True):
            (directory / name).write_bytes(self.file_content(body))
        return ["--input-file", *names]


class TestBodyContract(ImageContract):
    CONTENT_TYPE: ClassVar = "image/png"
    MALFORMED: ClassVar = ["no image", "cut short"]
    REFUSAL: ClassVar = UNREADABLE

    def content(self, body: str) -> bytes:
        return self.file_content(body)


class TestFormContract(ImageContract):
    CONTENT_TYPE: ClassVar = FORM
    MALFORMED: ClassVar = ["no image", "cut short"]
    REFUSAL: ClassVar = UNREADABLE

    def content(self, body: str) -> bytes:
        return form_body(files={"any": ("a.PNG", self.file_content(body))})


def kept() -> tuple[list[NDArray[Any]], InferenceAPI]:
    """An API whose function keeps what it gets, and the list in which it does."""
    images: list[NDArray[Any]] = []
    return images, api_of(ImageInput(pilmode=None), images.append)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "CMYK", "I;16", "LA", "F"])
def test_image_of_any_kind_is_converted_to_rgb(image_format: str, mode: str) -> None:
    image = picture("a").quantize(4) if mode == "P" else Image.new(mode, (7, 5))
    try:
        content = encoded(image, image_format)
    except (OSError, ValueError):
        return  # the format has no such pixels
    images: list[NDArray[Any]] = []
    api = api_of(ImageInput(), images.append)
    assert api.handle_request(HTTPRequest(body=content)).status == 200, content
    (array,) = images
    assert (array.shape, array.dtype.name, array.flags.writeable) == ((5, 7, 3), "uint8", True)
    assert type(array).__name__ == "Array"


@pytest.mark.parametrize(
    ("pilmode", "shape", "dtype"),
    [
        ("L", (5, 7), "uint8"),
        ("RGBA", (5, 7, 4), "uint8"),
        ("F", (5, 7), "float32"),
        ("1", (5, 7), "bool"),
        (None, (5, 7, 3), "uint8"),
    ],
)
def test_mode_of_pillow_decides_what_pixels_are(pilmode: str | None, shape: tuple[int, ...], dtype: str) -> None:
    images: list[NDArray[Any]] = []
    for image in (picture("a"), picture("a").quantize(4)):
        api_of(ImageInput(pilmode=pilmode), images.append).handle_request(HTTPRequest(body=encoded(image)))
    assert [(image.shape, image.dtype.name) for image in images] == [(shape, dtype)] * 2


def test_palette_with_transparency_gives_its_colors() -> None:
    image = picture("a").quantize(2)
    images: list[NDArray[Any]] = []
    api = api_of(ImageInput(), images.append)
    assert api.handle_request(HTTPRequest(body=encoded(image, transparency=b"\0\xff"))).status == 200
    assert images[0][0, 0].tolist() == color_of("a")


def test_meta_holds_what_the_file_says_and_the_orientation_is_left_alone() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    images, api = kept()
    api.handle_request(HTTPRequest(body=encoded(picture("a"), "JPEG", exif=exif, dpi=(72, 72))))
    (image,) = images
    assert image.shape == (5, 7, 3)
    meta = image.meta  # type: ignore[attr-defined]  # an imageio array
    assert (meta["Orientation"], meta["Make"], meta["dpi"]) == (6, "maker", (72, 72))
    assert (meta["mode"], meta["shape"]) == ("RGB", (7, 5))


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
def test_first_picture_of_several_is_taken(image_format: str) -> None:
    content = encoded(
        picture("a"),
        image_format,
        save_all=True,
        append_images=[picture("b")],
        **({"lossless": True} if image_format == "WEBP" else {}),
    )
    images, api = kept()
    assert api.handle_request(HTTPRequest(body=content)).status == 200
    assert images[0][0, 0, :3].tolist() == color_of("a")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("a.png", 200),
        ("A.PNG", 200),
        ("a.jpg", 200),
        ("a.gif", 400),
        ("png", 400),
        (".png", 400),
        ("..\\a.tiff", 200),
    ],
)
def test_file_is_accepted_by_its_extension(name: str, status: int) -> None:
    response = api_of(ImageInput(), lambda image: 1).handle_request(form_request(files={"f": (name, png("a"))}))
    assert response.status == status
    if status == 400:
        formats = ["'.jpg'", "'.png'", "'.jpeg'", "'.tiff'", "'.webp'", "'.bmp'"]
        assert response.body.decode() == f"Current service only accepts [{', '.join(formats)}] formats"


def test_content_of_another_format_than_those_accepted_is_refused_whatever_its_name() -> None:
    gif = encoded(picture("a"), "GIF")
    cases = [(ImageInput(), "a.png"), (ImageInput(["gif"]), "a.gif"), (ImageInput([".PNG", ".gif"]), "a.png")]
    responses = [
        api_of(adapter, lambda image: 1).handle_request(form_request(files={"f": (name, gif)}))
        for adapter, name in cases
    ]
    assert [response.status for response in responses] == [400, 200, 200]
    assert responses[0].body.decode() == UNREADABLE


def test_accepted_extensions_when_not_given_are_those_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yml").write_text("adapters: {image_input: {default_extensions: [.bmp]}}\n", encoding="utf-8")
    monkeypatch.setenv("BENTOML_CONFIG", str(tmp_path / "c.yml"))
    assert ImageInput().config == {"accept_image_formats": [".bmp"], "pilmode": "RGB"}


@pytest.mark.parametrize(
    "arguments", [{"accept_image_formats": [".doc"]}, {"accept_image_formats": []}, {"pilmode": "rgb"}], ids=str
)
def test_argument_that_nothing_can_be_decoded_with_is_invalid(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        ImageInput(**arguments)


def test_images_of_a_batch_that_do_not_fit_into_memory_together_are_given_in_several_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yml").write_text("bento_server: {max_request_size: 100}\n", encoding="utf-8")
    monkeypatch.setenv("BENTOML_CONFIG", str(tmp_path / "c.yml"))
    sizes: list[int] = []

    def function(images: list[NDArray[Any]]) -> list[Any]:
        sizes.append(len(images))
        return [image[0, 0].tolist() for image in images]

    # 20 x 10 pixels of 3 bytes each: two of them are as much as fits.
    bodies = [png(name, 20, 10) for name in "abcde"]
    api = api_of(ImageInput(), function, batch=True)
    responses = api.handle_batch_request([HTTPRequest(body=body) for body in [*bodies, png("f", 20, 21)]])
    assert sizes == [2, 2, 1]
    assert [response.status for response in responses] == [200, 200, 200, 200, 200, 400]
    assert [response.body for response in responses[:5]] == [str(color_of(name)).encode() for name in "abcde"]
    assert b"its 20 x 21 pixels are more than 1200 bytes" in responses[5].body


def test_answer_to_a_damaged_image_names_no_library_and_no_path() -> None:
    for content in (
        b"\x89PNG\r\n\x1a\n" + b"x" * 50,
        b"II*\0" + b"\xff" * 40,
        b"BM" + b"\xff" * 60,
        b"RIFF\0\0\0\0WEBPVP8 ",
    ):
        response = api_of(ImageInput(), lambda image: 1).handle_request(HTTPRequest(body=content))
        assert (response.status, response.body.decode()) == (400, UNREADABLE), content


def test_every_cut_of_an_image_is_answered_or_refused() -> None:
    api = api_of(ImageInput(), lambda image: 1)
    exif = Image.Exif()
    exif[0x010F] = "maker"
    for image_format in ("PNG", "JPEG", "TIFF", "WEBP", "BMP"):
        content = encoded(picture("a"), image_format, exif=exif)
        statuses = {api.handle_request(HTTPRequest(body=content[:size])).status for size in range(1, len(content))}
        assert statuses <= {200, 400}


def test_image_is_not_copied_before_it_is_decoded() -> None:
    body = png("a")
    task = ImageInput().from_http_request(HTTPRequest(body=body))
    assert task.data is not None
    assert task.data.bytes_ is body
