"""Which models a bundle has, and what the front says of them without a worker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bentoml.server.front.app import create_app
from bentoml.server.front.models import Models
from bentoml.server.front.routes import routes_of
from bentoml.server.metrics.server_metrics import ServerMetrics
from bentoml.server.options.serve_options import ServeOptions
from bentoml.server.options.tokens import digest_of
from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata
from tests.server.asgi_client import AsgiClient
from tests.server.front.test_app import Switchable, view_of
from tests.server.server_options import server_options

X = [{"name": "x", "datatype": "FP64", "shape": [-1]}]


def metadata_of(*apis: str) -> BentoServiceMetadata:
    return BentoServiceMetadata("Iris", "1.0", apis=tuple(ApiMetadata(name, "JsonInput") for name in apis))


def fact(name: str, tensors: Any = None) -> list[Any]:
    return [name, name, ["POST"], False, 0, True, tensors]


def models_of(**apis: Any) -> Models:
    models = Models(metadata_of(*apis))
    models.learn(fact(name, tensors) for name, tensors in apis.items())
    return models


@pytest.mark.parametrize(
    ("apis", "names", "default"),
    [
        ({"a": X, "predict": X}, ["Iris", "Iris.a", "Iris.predict"], "predict"),
        ({"a": None, "b": X, "c": X}, ["Iris", "Iris.b", "Iris.c"], "b"),
        ({"predict": None, "b": X}, ["Iris", "Iris.b"], "b"),
        ({"a": []}, ["Iris", "Iris.a"], "a"),
        ({"a": None}, [], None),
    ],
    ids=["predict", "first", "predict is none", "only", "none"],
)
def test_service_stands_for_predict_or_the_first(apis: Any, names: list[str], default: str | None) -> None:
    models = models_of(**apis)
    assert models.names == names
    routes = routes_of(metadata_of(*apis).apis, server_options(), ServerMetrics("B", "Iris", "1.0"))
    by_path = {route.path: route for route in models.routes(routes)}
    assert len(by_path) == 2 * len(names)
    assert default is None or by_path["/v2/models/Iris/infer"].policy.name == default


def test_other_way_to_an_api_shares_all_but_its_path() -> None:
    (route,) = routes_of(metadata_of("a").apis, server_options(), ServerMetrics("B", "Iris", "1.0"))
    for other in models_of(a=X).routes([route]):
        assert replace(other, path=route.path, methods=route.methods, is_of_model=False) == route
        assert (other.methods, other.is_of_model) == (frozenset({"POST"}), True)


def test_models_may_be_any_until_a_worker_has_said() -> None:
    models = Models(metadata_of("a", "b"))
    assert (models.has("Iris", None), models.has("Iris.b", "1.0"), models.has("Iris.c", None)) == (True, True, False)
    models.learn([fact("a", X), fact("b")])
    assert (models.has("Iris", "1.0"), models.has("Iris", "2.0"), models.has("Iris.b", None)) == (True, False, False)
    assert models.describe("Iris") == {
        "name": "Iris",
        "versions": ["1.0"],
        "platform": "bentoml",
        "inputs": X,
        "outputs": [],
    }


class Site:
    """The endpoints of a front whose workers can come and go."""

    def __init__(self, models: Models | None, **options: Any) -> None:
        self.health = Switchable()
        self.metrics = ServerMetrics("BENTOML", "Iris", "1.0")
        given = replace(ServeOptions.from_config(Path("bundle")), open_inference_enabled=models is not None, **options)
        self.client = AsgiClient(create_app(view_of(), given, self.health, self.metrics, models=models, is_public=True))

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
        answer = self.client.request(method, path, headers)
        assert answer.headers["content-type"] == "application/json"
        return answer.status_code, answer.json()


def test_nothing_is_ready_before_a_worker_is() -> None:
    site = Site(Models(metadata_of("a")))
    site.health.ready = False
    reason = site.health.reason
    assert site.get("/v2/health/live") == (200, {"live": True})
    assert site.get("/v2/health/ready") == (503, {"ready": False, "error": reason})
    assert site.get("/v2/models/Iris/ready") == (503, {"name": "Iris", "ready": False, "error": reason})
    assert site.get("/v2/models/Iris") == (503, {"error": reason})
    assert site.get("/v2/models/Iris.a/versions/1.0/infer", "POST") == (503, {"error": reason})
    assert site.get("/v2/models/Iris.b/infer", "POST")[0] == 404
    index = [{"name": name, "version": "1.0", "state": "UNAVAILABLE", "reason": reason} for name in ("Iris", "Iris.a")]
    assert site.get("/v2/repository/index", "POST") == (200, index)


def test_model_is_not_ready_when_its_workers_are_gone() -> None:
    site = Site(models_of(a=X))
    assert site.get("/v2/models/Iris/versions/1.0/ready") == (200, {"name": "Iris", "ready": True})
    site.health.ready = False
    assert site.get("/v2/models/Iris/ready")[0] == 503
    assert site.get("/v2/models/Iris")[0] == 200


def test_paths_are_counted_by_their_patterns() -> None:
    site = Site(models_of(a=X))
    for path in ("/v2", "/v2/models/Iris", "/v2/models/Iris.a/ready", "/v2/models/other/ready", "/v2/made/up"):
        site.get(path)
    text = site.metrics.render().decode()
    for endpoint in ("/v2", "/v2/models/{model}", "/v2/models/{model}/ready", "unknown"):
        assert f'_request_total{{endpoint="{endpoint}"' in text
    assert "made" not in text
    assert "other" not in text


def test_tokens_are_asked_for_models_and_not_for_health() -> None:
    site = Site(models_of(a=X), inference_tokens=(digest_of("open"),))
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/Iris/ready"):
        assert site.get(path)[0] == 200
    for method, path in (("GET", "/v2"), ("GET", "/v2/models/Iris"), ("POST", "/v2/repository/index")):
        assert site.get(path, method) == (
            401,
            {"error": "Unauthorized: send a token as 'Authorization: Bearer TOKEN' or 'X-API-Key: TOKEN'"},
        )
        assert site.get(path, method, **{"x-api-key": "open"})[0] == 200


def test_nothing_is_there_when_it_is_switched_off() -> None:
    answer = Site(None).client.get("/v2/health/ready")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
