"""A service with an API for each adapter, as text that is saved and served; its functions fail for nothing."""

SERVICE = '''
import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import bentoml
import pandas as pd
import pydantic
from bentoml.adapters import (
    AnnotatedImageInput,
    DataframeInput,
    DataframeOutput,
    FileInput,
    FileOutput,
    ImageInput,
    ImageOutput,
    JsonInput,
    MultiFileInput,
    MultiImageInput,
    NumpyNdarrayInput,
    NumpyNdarrayOutput,
    StringInput,
    StringOutput,
)


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Item:
    name: str
    color: Color | None = None
    size: tuple[int, float] = (1, 1.0)


class Order(pydantic.BaseModel):
    items: dict[str, Item]
    kind: Literal["new", "old"] = "new"
    count: int = pydantic.Field(default=1, ge=1, le=9)


class EveryAdapter(bentoml.BentoService):
    """An API for each adapter."""

    @bentoml.api(input=JsonInput(), batch=True)
    def json(self, values):
        return values

    @bentoml.api(input=JsonInput(), batch=False)
    def json_single(self, value):
        return value

    @bentoml.api(input=StringInput(), batch=True)
    def string(self, texts):
        return texts

    @bentoml.api(input=FileInput(), batch=True)
    def file(self, files):
        return [[file.name, file.read()[:100]] for file in files]

    @bentoml.api(input=MultiFileInput(input_names=["a", "b"]), batch=False)
    def files(self, a, b):
        return [a.name, b.name, len(a.bytes_), len(b.bytes_)]

    @bentoml.api(input=FileInput(), output=FileOutput(), batch=True)
    def file_back(self, files):
        return files

    @bentoml.api(input=StringInput(), output=StringOutput(), batch=True)
    def string_back(self, texts):
        return texts

    @bentoml.api(input=ImageInput(), output=ImageOutput("webp"), batch=False)
    def image_back(self, image):
        return image

    @bentoml.api(input=ImageInput(), batch=True)
    def image(self, images):
        return [image.shape for image in images]

    @bentoml.api(input=MultiImageInput(input_names=["a", "b"]), batch=True)
    def images(self, a, b):
        return [[one.shape, other.shape] for one, other in zip(a, b)]

    @bentoml.api(input=AnnotatedImageInput(), batch=False)
    def annotated(self, image, annotations):
        return [image.shape, annotations]

    @bentoml.api(input=DataframeInput(), batch=True)
    def dataframe(self, df):
        return df

    @bentoml.api(input=DataframeInput(), output=DataframeOutput("split"), batch=False)
    def dataframe_single(self, df):
        return df

    @bentoml.api(input=DataframeInput(columns=["a", "b"], dtype={"a": "int64", "b": "float64"}), batch=True)
    def dataframe_declared(self, df):
        return df["a"] + df["b"]

    @bentoml.api(input=NumpyNdarrayInput(), output=NumpyNdarrayOutput(), batch=True)
    def array(self, array):
        return array

    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 2)), batch=False)
    def array_single(self, array):
        return array * 2

    @bentoml.api(batch=True)
    def typed(self, items: list[Item]) -> list[Item]:
        return items

    @bentoml.api()
    def typed_parameters(
        self, orders: list[Order], when: dt.date, frame: pd.DataFrame | None = None, *, content: bytes = b""
    ) -> tuple[list[Order], dt.date, int]:
        return orders, when, len(content)
'''
