"""The document is OpenAPI, names every route, and is kept by the server."""

from __future__ import annotations

from bentoml.yatai.server.openapi import document
from bentoml.yatai.server.table import ROUTES
from tests.environments.late_import import late_import

openapi_spec_validator = late_import("openapi_spec_validator")


def test_document_is_valid_and_whole() -> None:
    made = document(ROUTES, "/registry")
    openapi_spec_validator.OpenAPIV31SpecValidator(made).validate()
    named = {operation["operationId"] for path in made["paths"].values() for operation in path.values()}
    assert named == {route.operation for route in ROUTES}
    assert len(named) == len(ROUTES)
    assert not [path for path in made["paths"] if ":" in path]
