"""Code in a configuration of Keras is found without running it."""

from __future__ import annotations

from typing import Any

import pytest

from bentoml._models.keras_files import code_in

LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
NAMED = {"module": "builtins", "class_name": "function", "config": "my>double", "registered_name": "function"}


def layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": {"name": "one", **config}}


def model(*layers: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "all", "layers": list(layers)}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (model(layer("Dense", units=3)), []),
        (model(layer("Lambda", function=NAMED, output_shape=[None, 3], arguments={})), []),
        (model(layer("Lambda", function="double", function_type="function", output_shape=["x"])), ["one"]),
        (model(layer("Lambda", function=LAMBDA)), ["one"]),
        (model(layer("Lambda", function=NAMED, output_shape=LAMBDA)), ["one"]),
        (model(layer("Lambda", function=["4wEAAAA=\n", None, None], function_type="lambda")), ["one"]),
        (model(layer("Lambda", function=["4wEAAAA=\n", None, None])), ["one"]),
        (model(layer("Dense", activation=LAMBDA)), ["one"]),
        (model(layer("TimeDistributed", layer=layer("Lambda", name="inner", function=LAMBDA))), ["inner"]),
        (model(model(layer("Lambda", function=LAMBDA))), ["one"]),
        (model(layer("TorchModuleWrapper", module="UEsD")), ["one"]),
        (model(layer("TFSMLayer", filepath="/tmp/x")), ["one"]),
        (LAMBDA, ["?"]),
        (model({"class_name": "Lambda", "config": "odd"}, 3, None, "x"), []),
        ({"class_name": ["__lambda__"], "config": None}, []),
    ],
)
def test_layers_with_code_are_named(config: Any, expected: list[str]) -> None:
    assert code_in(config) == expected
