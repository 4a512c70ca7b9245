"""The document is OpenAPI, names every route, and is kept by the server."""

from __future__ import annotations

from openapi_spec_validator import OpenAPIV31SpecValidator

from bentoml.yatai.server.openapi import document
from bentoml.yatai.server.table import ROUTES


def test_document_is_valid_and_whole() -> None:
    made = document(ROUTES, "/registry")
    OpenAPIV31SpecValidator(made).validate()
    named = {operation["operationId"] for path in made["paths"].values() for operation in path.values()}
    assert named == {route.operation for route in ROUTES}
    assert len(named) == len(ROUTES)
    assert not [path for path in made["paths"] if ":" in path]
