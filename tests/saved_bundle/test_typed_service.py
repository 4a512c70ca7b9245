"""A service of annotated functions comes back from its bundle as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bentoml.saved_bundle import load, load_bento_service_metadata, save_to_dir
from bentoml.types import HTTPRequest

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project

TYPES = """
from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

import msgspec
import pydantic


@dataclass
class Node:
    value: int
    children: list[Node] = field(default_factory=list)


class Pair(NamedTuple):
    left: Node
    right: Node


class Both(TypedDict):
    pair: Pair


class Tree(msgspec.Struct):
    both: Both


class Model(pydantic.BaseModel):
    node: Node
"""
SERVICE = """
from __future__ import annotations

import bentoml
from shop_types import Model, Node, Tree


class Shop(bentoml.BentoService):
    @bentoml.api(batch=True)
    def values(self, trees: list[Tree]) -> list[Node]:
        return [tree.both["pair"].left for tree in trees]

    @bentoml.api()
    def model(self, model: Model, factor: int = 2) -> dict[str, int]:
        return {"value": model.node.value * factor}
"""
TREE = b'{"both": {"pair": [{"value": 1, "children": [{"value": 3}]}, {"value": 2}]}}'


def test_types_of_a_loaded_bundle_are_those_of_its_modules(project: Project, bundle_dir: Path) -> None:
    project.write(shop_types=TYPES, shop=SERVICE)
    save_to_dir(project.import_("shop").Shop(), bundle_dir)
    project.forget("shop", "shop_types")
    for name in ("shop", "shop_types"):
        (project.root / f"{name}.py").unlink()
    service: Any = load(str(bundle_dir))
    values, model = service.get_inference_api("values"), service.get_inference_api("model")
    good, bad = values.handle_batch_request([HTTPRequest(body=TREE), HTTPRequest(body=TREE.replace(b"3", b'"x"'))])
    assert (good.status, good.body) == (200, b'{"value":1,"children":[{"value":3,"children":[]}]}')
    assert (bad.status, bad.body) == (400, b"$.both.pair[0].children[0].value: expected int, got str")
    assert model.handle_request(HTTPRequest(body=b'{"model": {"node": {"value": 4}}}')).body == b'{"value":8}'


def test_manifest_names_the_types(project: Project, bundle_dir: Path) -> None:
    project.write(shop_types=TYPES, shop=SERVICE)
    save_to_dir(project.import_("shop").Shop(), bundle_dir)
    model, values = yaml.safe_load((bundle_dir / "bentoml.yml").read_text())["apis"]
    assert (model["input_type"], model["input_config"]) == (
        "TypedInput",
        {"parameters": {"model": "Model", "factor": "int"}},
    )
    assert (values["output_type"], values["output_config"]) == ("TypedOutput", {"type": "Node"})
    assert [api.input_type for api in load_bento_service_metadata(str(bundle_dir)).apis] == ["TypedInput"] * 2
    assert "pydantic" in (bundle_dir / "requirements.txt").read_text()
