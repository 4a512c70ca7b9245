"""The Open Inference Protocol in the OpenAPI document of a service: one operation for all of its models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.open_inference.datatypes import BOOL, BYTES, FLOATS, NUMPY_NAMES
from bentoml.adapters.open_inference.model_paths import models_of
from bentoml.service.openapi_errors import RESPONSE_HEADERS

if TYPE_CHECKING:
    from bentoml.adapters.open_inference.tensor import TensorSpec
    from bentoml.service.bento_service import BentoService

TAG = "models"
_DESCRIPTION = (
    "Inference with tensors, by the Open Inference Protocol V2\n\n"
    "For clients of KServe, Triton and MLServer. Each input is a column of a table, or the only one is the whole table "
    "or array. Tensors may also come as bytes behind the JSON."
)
_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_VALUES: dict[str, Any] = {BOOL: True, BYTES: "text", **dict.fromkeys(FLOATS, 0.5)}


def infer_operation(service: BentoService) -> dict[str, Any] | None:
    """The operation that asks a model, with an example for the default one; None for a service without models."""
    apis = {api.name: api for api in service.inference_apis if api.takes_tensors}
    models = models_of(service.name, apis)
    if not models:
        return None
    default = apis[next(iter(models.values()))]
    example = {"inputs": [_example_of(spec) for spec in default.input_adapter.tensor_specs]}
    name: dict[str, Any] = {"type": "string", "enum": list(models)}
    return {
        "tags": [TAG],
        "description": _DESCRIPTION,
        "parameters": [{"name": "model", "in": "path", "required": True, "schema": name}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _tensors("inputs"), "example": example}},
        },
        "responses": {
            "200": _answer("success", _tensors("outputs")),
            "default": _answer("The request cannot be answered; the text says why", _ERROR),
        },
    }


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "headers": RESPONSE_HEADERS,
        "content": {"application/json": {"schema": schema}},
    }


def _tensors(name: str) -> dict[str, Any]:
    tensor = {
        "type": "object",
        "required": ["name", "datatype", "shape", "data"],
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "datatype": {"type": "string", "enum": list(NUMPY_NAMES)},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "data": {"type": "array", "items": {}},
        },
    }
    properties = {"id": {"type": "string"}, name: {"type": "array", "minItems": 1, "items": tensor}}
    return {"type": "object", "required": [name], "properties": properties}


def _example_of(spec: TensorSpec) -> dict[str, Any]:
    """A tensor of that kind, of one row."""
    shape = [1 if length < 0 else length for length in spec.shape]
    data: Any = _VALUES.get(spec.datatype, 1)
    for length in reversed(shape):
        data = [data] * length
    return {"name": spec.name, "datatype": spec.datatype, "shape": shape, "data": data}
