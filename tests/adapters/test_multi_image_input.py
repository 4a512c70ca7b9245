"""MultiImageInput keeps the contract, and refuses requests that lack an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.adapters import MultiImageInput
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import FORM, form_body, form_request
from tests.adapters.pictures import color_of, encoded, picture, png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FORMATS = "['.jpg', '.png', '.jpeg', '.tiff', '.webp', '.bmp']"


class TestMultiImageInputContract(InputAdapterContract):
    """A text stands for a picture of a color of its own, beside one that is always the same."""

    CONTENT_TYPE: ClassVar = FORM
    IS_TEXT: ClassVar = False
    GOOD: ClassVar = ["a", "guilty", "b", "c"]
    MALFORMED: ClassVar = ["no image", "cut short"]
    REFUSAL: ClassVar = "BentoML#MultiImageInput cannot decode the image"
    GUILTY: ClassVar = ("guilty", str(color_of("guilty")))

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path

    def adapter(self) -> MultiImageInput:
        return MultiImageInput(input_names=["one", "the_other"])

    def answer(self, ones: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]]) -> list[Any]:
        pairs = zip(ones, others, strict=True)
        return [[one.shape, one[0, 0].tolist(), other[0, 0].tolist()] for one, other in pairs]

    def shown(self, arguments: Sequence[Any]) -> str:
        return str(self.answer(*arguments))

    def file_content(self, body: str) -> bytes:
        image = png(body)
        return {"no image": b"no image", "cut short": image[:-30]}.get(body, image)

    def content(self, body: str) -> bytes:
        files = {"the_other": ("b.png", png("same")), "one": ("a.png", self.file_content(body))}
        return form_body(files=files)

    def value_words(self, bodies: Sequence[str]) -> list[str]:
        # A value of the command line cannot be an image.
        return self.file_words(bodies, self.directory)

    def file_words(self, bodies: Sequence[str], directory: Path) -> list[str]:
        names = [directory / f"{i}.png" for i, _ in enumerate(bodies)]
        for path, body in zip(names, bodies, strict=True):
            path.write_bytes(self.file_content(body))
        (directory / "same.png").write_bytes(png("same"))
        same = [str(directory / "same.png")] * len(bodies)
        return ["--input-file-one", *map(str, names), "--input-file-the-other", *same]


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"a": ("a.png", png("a"))}, "Empty request: it has no file for b"),
        ({"z": ("z.png", png("a"))}, "requires inputs fields ['a', 'b']"),
        ({"a": ("a.png", png("a")), "b": ("b.gif", png("b"))}, f"Current service only accepts {FORMATS} formats"),
        ({"a": ("a.png", png("a")), "b": ("b.png", encoded(picture("b"), "GIF"))}, "cannot decode the image: it is"),
    ],
    ids=["one is missing", "none is there", "another extension", "another format"],
)
def test_request_without_all_images_is_refused(files: dict[str, Any], text: str) -> None:
    api = api_of(MultiImageInput(input_names=["a", "b"]), lambda a, b: 1)
    response = api.handle_request(form_request(files=files))
    assert response.status == 400
    assert response.body.decode().startswith(f"BentoML#MultiImageInput {text}")


def test_request_that_is_no_form_is_refused() -> None:
    response = api_of(MultiImageInput(), lambda image: 1).handle_request(
        HTTPRequest({"Content-Type": "image/png"}, png("a"))
    )
    text = "BentoML#MultiImageInput only accepts requests with Content-Type: multipart/form-data"
    assert (response.status, response.body.decode()) == (400, text)


def test_images_of_a_request_that_do_not_fit_into_memory_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yml").write_text("bento_server: {max_request_size: 100}\n", encoding="utf-8")
    monkeypatch.setenv("BENTOML_CONFIG", str(tmp_path / "c.yml"))
    api = api_of(MultiImageInput(input_names=["a", "b"]), lambda a, b: 1)
    requests = [
        form_request(files={"a": ("a.png", png("a", 20, height)), "b": ("b.png", png("b", 20, 10))})
        for height in (10, 11)
    ]
    statuses = [api.handle_request(request).status for request in requests]
    assert statuses == [200, 400]


def test_config_and_schema_name_the_fields() -> None:
    adapter = MultiImageInput()
    assert adapter.config == {
        "input_names": ["image"],
        "accept_image_formats": [".jpg", ".png", ".jpeg", ".tiff", ".webp", ".bmp"],
        "pilmode": "RGB",
    }
    assert adapter.request_schema["multipart/form-data"]["schema"]["required"] == ["image"]
    assert adapter.pip_dependencies == ["imageio"]
    types = "image/jpeg, image/png, image/tiff, image/webp, image/bmp"
    assert adapter.request_schema["multipart/form-data"]["encoding"] == {"image": {"contentType": types}}
