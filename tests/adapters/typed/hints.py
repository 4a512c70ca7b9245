"""Types of tests, at the level of a module, where `from __future__ import annotations` lets them be found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Literal, NamedTuple, TypedDict

import msgspec
import pydantic
from typing_extensions import NotRequired


@dataclass
class Item:
    name: str
    price: float
    tags: list[str] = field(default_factory=list)


@dataclass
class Node:
    value: int
    children: list[Node] = field(default_factory=list)


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Person(TypedDict):
    name: str
    age: NotRequired[int]


class Struct(msgspec.Struct, forbid_unknown_fields=True):
    count: Annotated[int, msgspec.Meta(gt=0)]


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    barks: bool


class ItemModel(pydantic.BaseModel):
    name: str
    price: float
    tags: list[str] = []


class Order(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    items: list[ItemModel]
    kind: Literal["new", "old"] = "new"
    count: int = pydantic.Field(default=1, gt=0)


class Share(pydantic.BaseModel):
    part: float = pydantic.Field(lt=1)


@pydantic.dataclasses.dataclass
class CheckedItem:
    name: str
    size: int = pydantic.Field(ge=1, default=1)


@dataclass
class Parcel:
    order: Order
    weight: float
