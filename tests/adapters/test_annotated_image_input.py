"""AnnotatedImageInput keeps the contract, and never parts an image from its annotation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.adapters import AnnotatedImageInput
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import FORM, form_body, form_request
from tests.adapters.pictures import color_of, png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FORMATS = "['.jpg', '.png', '.jpeg', '.tiff', '.webp', '.bmp']"
REASON = "cannot decode the image: it is damaged, cut short, or none of JPEG, PNG, TIFF, WEBP, BMP"
NO_IMAGE = f"BentoML#AnnotatedImageInput Input image file must be in supported format list: {FORMATS}"
INVALID_JSON = "BentoML#AnnotatedImageInput received invalid JSON file"


class TestAnnotatedImageInputContract(InputAdapterContract):
    """A text stands for a picture of a color of its own, with the text as its annotation."""

    CONTENT_TYPE: ClassVar = FORM
    IS_TEXT: ClassVar = False
    GOOD: ClassVar = ["a", "guilty", "not annotated", "名"]
    MALFORMED: ClassVar = ["no image", "no JSON", "cut short"]
    REFUSAL: ClassVar = "BentoML#AnnotatedImageInput "
    GUILTY: ClassVar = ("guilty", "guilty")

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path

    def adapter(self) -> AnnotatedImageInput:
        return AnnotatedImageInput()

    def answer(self, images: Sequence[NDArray[Any]], annotations: Sequence[Any]) -> list[Any]:
        return [[image[0, 0].tolist(), value] for image, value in zip(images, annotations, strict=True)]

    def shown(self, arguments: Sequence[Any]) -> str:
        return str(self.answer(*arguments))

    def file_content(self, body: str) -> bytes:
        image = png(body)
        return {"no image": b"no image", "cut short": image[:-30]}.get(body, image)

    def annotation(self, body: str) -> bytes:
        return b"{bad" if body == "no JSON" else json.dumps({"text": body}).encode()

    def content(self, body: str) -> bytes:
        files = {"image": ("a.png", self.file_content(body)), "annotations": ("a.json", self.annotation(body))}
        if body == "not annotated":
            del files["annotations"]
        return form_body(files=files)

    def value_words(self, bodies: Sequence[str]) -> list[str]:
        # A value of the command line cannot be an image.
        return self.file_words(bodies, self.directory)

    def file_words(self, bodies: Sequence[str], directory: Path) -> list[str]:
        images = [directory / f"{i}.png" for i, _ in enumerate(bodies)]
        for path, body in zip(images, bodies, strict=True):
            path.write_bytes(self.file_content(body))
        values = ["null" if body == "not annotated" else self.annotation(body).decode() for body in bodies]
        return ["--input-file-image", *map(str, images), "--input-annotations", *values]


IMAGE = ("a.png", png("a"))


def echo(image: Any, annotation: Any) -> Any:
    return [list(image.shape), annotation]


@pytest.mark.parametrize(
    ("files", "annotation"),
    [
        ({"image": IMAGE}, None),
        ({"image": IMAGE, "annotations": (None, b"[1]")}, [1]),
        ({"image": IMAGE, "annotations": (None, b"")}, None),
        ({"image": IMAGE, "annotations": ("a.json", "\ufeff{}".encode())}, {}),
        ({"image": IMAGE, "annotations": ("a.json", '"ü"'.encode("utf-16"))}, "ü"),
        ({"image": IMAGE, "annotations": ("", b"3"), "other": ("b.png", b"no image")}, 3),
    ],
    ids=["none", "plain value", "empty value", "byte order mark", "utf-16", "extra part"],
)
def test_annotation_is_parsed_when_there_is_one(files: dict[str, Any], annotation: Any) -> None:
    response = api_of(AnnotatedImageInput(), echo).handle_request(form_request(files=files))
    assert (response.status, json.loads(response.body)) == (200, [[5, 7, 3], annotation])


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"image": IMAGE, "annotations": ("a.json", b"{bad")}, INVALID_JSON),
        ({"image": IMAGE, "annotations": ("a.json", b"")}, INVALID_JSON),
        ({"image": IMAGE, "annotations": ("a.json", b"[" * 100_000)}, INVALID_JSON),
        ({"image": IMAGE, "annotations": ("a.json", b'"\xff"')}, "JSON must be in unicode"),
        ({"annotations": ("a.json", b"1")}, NO_IMAGE),
        ({"image": ("a.gif", png("a"))}, NO_IMAGE),
        ({"image": ("a", png("a"))}, NO_IMAGE),
        ({"image": (None, png("a"))}, NO_IMAGE),
        ({"other": IMAGE}, "BentoML#AnnotatedImageInput requires inputs fields ['image', 'annotations']"),
        (
            {"image": ("a.png", b"no image")},
            f"BentoML#AnnotatedImageInput {REASON}",
        ),
    ],
    ids=[
        "no JSON",
        "empty JSON",
        "deep JSON",
        "not unicode",
        "no image part",
        "extension",
        "no extension",
        "no file name",
        "no known part",
        "no image",
    ],
)
def test_request_with_a_fault_is_refused(files: dict[str, Any], text: str) -> None:
    response = api_of(AnnotatedImageInput(), echo).handle_request(form_request(files=files))
    assert (response.status, response.body.decode()) == (400, text)


def test_faults_of_either_part_keep_images_and_annotations_in_step() -> None:
    def function(images: list[Any], annotations: list[Any]) -> list[Any]:
        return [[image[0, 0].tolist(), annotation] for image, annotation in zip(images, annotations, strict=True)]

    files = [
        {"image": ("a.png", png(name) if name != "damaged" else b"x"), "annotations": ("a", json.dumps(name).encode())}
        for name in ("a", "b", "damaged", "c")
    ]
    files[1]["annotations"] = ("a", b"{bad")
    responses = api_of(AnnotatedImageInput(), function, batch=True).handle_batch_request(
        [form_request(files=one) for one in files]
    )
    assert [response.status for response in responses] == [200, 400, 400, 200]
    assert [json.loads(responses[i].body) for i in (0, 3)] == [[color_of("a"), "a"], [color_of("c"), "c"]]


def test_command_line_names_are_those_of_the_fields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(png("a"))
    (tmp_path / "a.json").write_text("[1]")
    api = api_of(AnnotatedImageInput("the_image", "notes"), echo)
    files = ["--input-file-the-image", str(tmp_path / "a.png"), "--input-file-notes", str(tmp_path / "a.json")]
    assert api.handle_cli(files) == 0
    assert api.handle_cli(files[:2]) == 0
    assert capsys.readouterr().out == "[[5, 7, 3], [1]]\n[[5, 7, 3], null]\n"
    assert api.handle_cli(["--input-notes", "1"]) == 1
    assert capsys.readouterr().err.startswith("Insufficient arguments: --input-the-image")


def test_config_and_schema_name_the_fields() -> None:
    adapter = AnnotatedImageInput(accept_image_formats=[".png"], pilmode="L")
    assert adapter.config == {
        "image_input_name": "image",
        "annotation_input_name": "annotations",
        "accept_image_formats": [".png"],
        "pilmode": "L",
    }
    schema = adapter.request_schema["multipart/form-data"]["schema"]
    assert (list(schema["properties"]), schema["required"]) == (["image", "annotations"], ["image"])
    assert adapter.request_schema["multipart/form-data"]["encoding"] == {"image": {"contentType": "image/png"}}
