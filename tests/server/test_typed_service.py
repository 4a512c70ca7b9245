"""A served service of functions with type hints: every client gets its own answer, in the form that it asked for."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import brotli
import msgspec
import pytest

from tests.server.live import live_server, save_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

SOURCE = """
from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import bentoml
import pydantic
from PIL.Image import Image


@dataclass
class Item:
    name: str
    price: float


class Order(pydantic.BaseModel):
    items: list[Item]
    rebate: float = pydantic.Field(default=0, ge=0, lt=1)


class Shop(bentoml.BentoService):
    @bentoml.api(batch=True)
    async def totals(self, orders: list[Order], labels: list[str]) -> list[dict[str, float]]:
        return [{l: sum(i.price for i in o.items) * (1 - o.rebate)} for o, l in zip(orders, labels)]

    @bentoml.api()
    def thumbnail(self, picture: Image, side: int = 2) -> Image:
        return picture.resize((side, side))

    @bentoml.api()
    async def count(self, to: int) -> AsyncIterator[str]:
        for i in range(to):
            yield str(i)
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    directory: Path = tmp_path_factory.mktemp("typed")
    bundle = save_bundle(directory, SOURCE, class_name="Shop")
    with live_server(bundle, home=directory / "served") as server:
        yield server.client


def order(number: int, price: Any) -> dict[str, Any]:
    return {"orders": {"items": [{"name": "a", "price": price}], "rebate": 0.5}, "labels": f"order {number}"}


def sent(client: httpx.Client, number: int) -> tuple[int, Any]:
    """Send one of several kinds of requests; returns status and value of the answer."""
    value = order(number, number)
    kind = number % 5
    if kind == 0:
        response = client.post("/totals", json=value)
    elif kind == 1:
        headers = {"Content-Encoding": "br", "Content-Type": "application/json"}
        response = client.post("/totals", content=brotli.compress(json.dumps(value).encode()), headers=headers)
    elif kind == 2:
        headers = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
        response = client.post("/totals", content=msgspec.msgpack.encode(value), headers=headers)
        assert response.headers["content-type"] == "application/vnd.msgpack"
        return response.status_code, msgspec.msgpack.decode(response.content)
    elif kind == 3:
        fields = {"orders": (None, json.dumps(value["orders"])), "labels": (None, value["labels"])}
        response = client.post("/totals", files=fields)
    else:
        response = client.post("/totals", json=order(number, f"price {number}"))
        return response.status_code, response.text
    return response.status_code, response.json()


def test_requests_of_all_kinds_at_once_get_their_own_answers(client: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: sent(client, number), range(100)))
    for number, answer in enumerate(answers):
        if number % 5 == 4:
            assert answer == (400, "$.orders.items[0].price: expected float, got str")
        else:
            assert answer == (200, {f"order {number}": number / 2})


def test_picture_comes_and_goes_as_a_file(client: httpx.Client) -> None:
    from io import BytesIO

    from PIL import Image

    from tests.adapters.pictures import color_of, png

    response = client.post("/thumbnail", files={"picture": ("a.png", png("a")), "side": (None, "3")})
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    image = Image.open(BytesIO(response.content))
    assert (image.size, image.getpixel((0, 0))) == ((3, 3), tuple(color_of("a")))
    refused = client.post("/thumbnail", files={"picture": ("a.png", b"no image")})
    assert (refused.status_code, refused.text.partition(": ")[0]) == (400, "$.picture")


def test_stream_begins_once_the_request_is_understood(client: httpx.Client) -> None:
    assert client.post("/count", content=b"3").text == "012"
    assert client.post("/count", content=b'"3"').status_code == 400


def test_document_shows_the_types(client: httpx.Client) -> None:
    document = client.get("/docs.json").json()
    schema = document["paths"]["/totals"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["orders", "labels"]
    assert document["components"]["schemas"]["Item"]["required"] == ["name", "price"]
