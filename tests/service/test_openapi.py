"""The OpenAPI document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import bentoml
from bentoml.adapters import BaseOutputAdapter, DataframeInput, JsonInput
from bentoml.service.openapi import openapi_document
from bentoml.types import HTTPRequest
from tests.environments.late_import import late_import

if TYPE_CHECKING:
    from pathlib import Path


openapi_spec_validator = late_import("openapi_spec_validator")


class Iris(bentoml.BentoService):
    """Classifies flowers.

    Three kinds.
    """

    @bentoml.api(input=JsonInput(http_input_example={"petal": [1.4, 0.2]}), route="v1/iris:classify")
    def classify(self, value: Any) -> Any:
        """Name the kind."""
        return value

    @bentoml.api(input=DataframeInput(dtype={"petal": "float"}), batch=True)
    def predict(self, frame: Any) -> Any:
        return frame

    @bentoml.api(input=JsonInput())
    def words(self, value: Any) -> Any:
        yield from value


class OwnOutput(BaseOutputAdapter):
    """Says nothing about its answers."""


class OwnAnswers(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), output=OwnOutput())
    def classify(self, value: Any) -> Any:
        return value


class Bare(bentoml.BentoService):
    pass


def document_of(service: bentoml.BentoService) -> dict[str, Any]:
    service.set_version("1.5")
    document: dict[str, Any] = json.loads(json.dumps(openapi_document(service)))
    return document


def test_document_describes_the_service() -> None:
    document = document_of(Iris())
    assert document["openapi"] == "3.0.0"
    assert document["info"] == {
        "title": "Iris",
        "version": "1.5",
        "description": "Classifies flowers.\n\nThree kinds.",
    }
    assert [tag["name"] for tag in document["tags"]] == ["infra", "app", "models"]
    assert list(document["paths"]) == [
        "/healthz",
        "/metadata",
        "/metrics",
        "/feedback",
        "/v1/iris:classify",
        "/predict",
        "/words",
        "/v2/models/{model}/infer",
    ]


def test_document_describes_each_api_with_one_post_operation() -> None:
    paths = document_of(Iris())["paths"]
    assert list(paths["/v1/iris:classify"]) == ["post"]
    operation = paths["/v1/iris:classify"]["post"]
    assert operation["tags"] == ["app"]
    assert operation["description"] == "Name the kind."
    assert operation["requestBody"]["required"] is True
    assert operation["requestBody"]["content"]["application/json"]["example"] == {"petal": [1.4, 0.2]}
    assert operation["responses"]["200"]["content"]["application/json"] == {"schema": {}}
    content = paths["/predict"]["post"]["requestBody"]["content"]
    assert {"application/json", "text/csv"} <= set(content)
    assert "petal" in json.dumps(content["application/json"]["schema"])


def test_document_names_the_content_types_of_a_stream() -> None:
    content = document_of(Iris())["paths"]["/words"]["post"]["responses"]["200"]["content"]
    assert set(content) == {"text/event-stream", "text/plain", "application/x-ndjson", "application/octet-stream"}


def test_document_of_an_api_whose_output_adapter_says_nothing_has_no_content() -> None:
    operation = document_of(OwnAnswers())["paths"]["/classify"]["post"]
    assert "content" not in operation["responses"]["200"]
    assert operation["requestBody"]["content"]["application/json"]["example"] == {}


@pytest.mark.parametrize("path", ["/v1/iris:classify", "/predict", "/words"])
def test_document_says_how_an_api_refuses_and_fails(path: str) -> None:
    document = document_of(Iris())
    answers = document["paths"][path]["post"]["responses"]
    assert list(answers) == ["200", "400", "408", "413", "415", "429", "500", "503"]
    assert set(answers["200"]["headers"]) == {"X-Request-Id"}
    for status in list(answers)[1:]:
        answer = document["components"]["responses"][answers[status]["$ref"].rpartition("/")[2]]
        assert set(answer["content"]) == {"text/plain"} | ({"application/json"} if status == "400" else set())
        assert set(answer["headers"]) == {"X-Request-Id"} | ({"Retry-After"} if status in {"429", "503"} else set())


def test_document_says_how_feedback_is_refused() -> None:
    responses = document_of(Bare())["paths"]["/feedback"]["post"]["responses"]
    assert list(responses) == ["200", "400", "408", "413", "429"]


@pytest.mark.parametrize("service", [Iris, OwnAnswers, Bare])
def test_document_is_valid(service: type[bentoml.BentoService]) -> None:
    openapi_spec_validator.OpenAPIV30SpecValidator(document_of(service())).validate()


def test_document_has_one_operation_for_all_models() -> None:
    operation = document_of(Iris())["paths"]["/v2/models/{model}/infer"]["post"]
    (parameter,) = operation["parameters"]
    assert (parameter["in"], parameter["schema"]["enum"]) == ("path", ["Iris", "Iris.predict"])
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert example == {"inputs": [{"name": "petal", "datatype": "FP64", "shape": [1], "data": [0.5]}]}
    request = HTTPRequest({}, json.dumps(example).encode(), "POST", "/v2/models/Iris/infer")
    answer = Iris().get_inference_api("predict").handle_request(request)
    assert json.loads(answer.body)["outputs"] == [{"name": "petal", "datatype": "FP64", "shape": [1], "data": [0.5]}]


def test_document_has_no_models_when_they_are_switched_off(bentoml_home: Path) -> None:
    bentoml_home.mkdir(parents=True, exist_ok=True)
    (bentoml_home / "bentoml.yml").write_text("bento_server: {open_inference: {enabled: false}}")
    document = document_of(Iris())
    assert "/v2/models/{model}/infer" not in document["paths"]
    assert [tag["name"] for tag in document["tags"]] == ["infra", "app"]


def test_document_of_infra_endpoints_has_get_operations() -> None:
    paths = document_of(Bare())["paths"]
    assert list(paths) == ["/healthz", "/metadata", "/metrics", "/feedback"]
    feedback = paths.pop("/feedback")
    assert list(feedback) == ["post"]
    assert feedback["post"]["tags"] == ["infra"]
    (media_type,) = feedback["post"]["requestBody"]["content"].values()
    assert media_type["schema"]["required"] == ["request_id"]
    for operations in paths.values():
        assert list(operations) == ["get"]
        assert operations["get"]["tags"] == ["infra"]
        assert operations["get"]["responses"] == {"200": {"description": "success"}}


def test_document_when_class_has_no_docstring_does_not_show_the_one_of_its_base() -> None:
    assert document_of(Bare())["info"]["description"] == "A prediction service built with BentoML"


@pytest.mark.parametrize("name", ["metrics", "feedback"])
def test_document_leaves_out_what_is_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "c.yml").write_text(f"bento_server: {{{name}: {{enabled: false}}}}\n", encoding="utf-8")
    monkeypatch.setenv("BENTOML_CONFIG", str(tmp_path / "c.yml"))
    left = {"metrics", "feedback"} - {name}
    assert list(document_of(Bare())["paths"]) == ["/healthz", "/metadata", *(f"/{path}" for path in left)]
