"""The pages about deployments over real HTTP, without a browser: what they show, to whom, and what their forms do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest

from bentoml.yatai.deployment_forms import KNOWN_SETTINGS
from bentoml.yatai.deployment_models import Operator
from bentoml.yatai.server.roles import Role
from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token

HOSTILE = "<script>alert('x')</script>"
LAMBDA = {"region": "eu-west-1", "memory_size": 1024, "environment": {"LEVEL": HOSTILE}}
ENDPOINT = "https://iris.example/predict"
RUNNING = {
    "state": "RUNNING",
    "info": {"endpoints": [ENDPOINT, "javascript:alert(1)"], "s3_bucket": "btml-prod-iris"},
    "resources": [{"kind": "s3_bucket", "id": "btml-prod-iris", "detail": {"region": "eu-west-1"}}],
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("home"), "--auth") as running:
        bundles = tmp_path_factory.mktemp("bundles")
        with running.client(make_token(running.home, "ada", Role.WRITE)) as client:
            for tag in ("Iris:1", "Iris:2", "Wine:1"):
                name, version = tag.split(":")
                push(client, write_bundle(bundles, name, version), tag)
            put(client, "prod/iris", "Iris:2", "AWS_LAMBDA", LAMBDA, labels={"team": "vision"})
            report(client, "prod/iris", RUNNING)
            put(client, "dev/wine", "Wine:1", "CUSTOM", {"name": "Our own cloud"})
            report(client, "dev/wine", {"state": "FAILED", "error_message": f"It broke: {HOSTILE}"})
        yield running


def put(client: httpx.Client, path: str, bundle: str, operator: str, config: dict[str, Any], **more: Any) -> None:
    name, version = bundle.split(":")
    body = {"bento_name": name, "bento_version": version, "operator": operator, "operator_config": config, **more}
    answer = client.put(f"/api/v1/deployments/{path}", json=body)
    assert answer.status_code == 200, answer.text


def report(client: httpx.Client, path: str, document: dict[str, Any]) -> None:
    answer = client.put(f"/api/v1/deployments/{path}/state", json=document)
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def ada(registry: LiveRegistry) -> Iterator[httpx.Client]:
    token = make_token(registry.home, "ada-in-a-browser", Role.WRITE)
    with registry.client(token, follow_redirects=True) as client:
        client.headers["accept"] = "text/html"
        yield client


def words(page: str) -> str:
    """What a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


PAGES = [
    pytest.param("/", ["Active deployments", "iris", "Running", "All deployments"], [], id="home"),
    pytest.param("/deployments", ["AWS Lambda", "Our own cloud", "Failed", "1 to 2 of 2"], [], id="all"),
    pytest.param("/deployments/dev", ["Deployments in dev", "wine", "1 to 1 of 1"], ["iris"], id="of-a-namespace"),
    pytest.param("/deployments?state=FAILED", ["wine", "1 to 1 of 1"], ["AWS Lambda Iris"], id="of-a-state"),
    pytest.param("/deployments?platform=AWS_LAMBDA", ["iris", "1 to 1 of 1"], ["Our own cloud"], id="of-a-platform"),
    pytest.param("/deployments?labels=team%3Dvision", ["iris", "1 to 1 of 1"], ["Our own cloud"], id="of-a-label"),
    pytest.param("/deployments?q=wine", ["wine", "1 to 1 of 1"], ["team: vision"], id="search"),
    pytest.param("/deployments?labels=team+In+(", ["cannot be read"], ["1 to"], id="malformed-labels"),
    pytest.param("/deployments?q=nothing", ["Nothing matches"], [], id="nothing"),
    pytest.param("/deployments/nowhere", ["No deployment is recorded in nowhere", "starts none"], [], id="empty"),
    pytest.param(
        "/deployments/prod/iris",
        [
            "Running",
            "Endpoint",
            ENDPOINT,
            "Region eu-west-1",
            "Memory 1024 MB",
            "/predict",
            "Recorded",
            "by ada",
            "Iris:2",
        ],
        ["What went wrong"],
        id="deployment",
    ),
    pytest.param(
        "/deployments/dev/wine",
        ["Failed", "What went wrong", f"It broke: {HOSTILE}", "Our own cloud", "Nothing is recorded"],
        ["Endpoint"],
        id="failed",
    ),
    pytest.param("/repository/Iris/2", ["Deployed as", "prod/iris", "Running"], [], id="bundle"),
    pytest.param("/repository/Iris/1", [], ["Deployed as"], id="bundle-that-is-not-deployed"),
    pytest.param(
        "/repository/Iris/2/delete", ["cannot be deleted while it is deployed: prod/iris"], [], id="bundle-delete"
    ),
    pytest.param(
        "/deployments/prod/iris/delete",
        ["Only the record goes", "goes on to run", "still exists", "s3_bucket btml-prod-iris"],
        [],
        id="delete",
    ),
]


@pytest.mark.parametrize(("path", "said", "not_said"), PAGES)
def test_page_shows_what_it_is_about(ada: httpx.Client, path: str, said: list[str], not_said: list[str]) -> None:
    answer = ada.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = words(answer.text)
    assert [part for part in said if part not in text] == []
    assert [part for part in not_said if part in text.partition("All Pending")[0] + text.partition("Z to A")[2]] == []
    assert HOSTILE not in answer.text
    assert 'href="javascript' not in answer.text


@pytest.mark.parametrize("operator", [operator for operator in Operator if operator is not Operator.UNSET])
def test_every_platform_has_its_page(ada: httpx.Client, registry: LiveRegistry, operator: Operator) -> None:
    settings = dict.fromkeys(KNOWN_SETTINGS.get(operator.name, ("anything",)), "shown-here")
    path = f"each/on-{operator.name.lower().replace('_', '-')}"
    with registry.client(make_token(registry.home, f"of-{operator.name}", Role.WRITE)) as client:
        put(client, path, "Iris:1", operator.name, settings)
        page = ada.get(f"/deployments/{path}")
        assert client.delete(f"/api/v1/deployments/{path}").status_code == 204
    assert page.status_code == 200
    assert words(page.text).count("shown-here") >= len(settings)


def test_lists_are_read_page_by_page_and_sorted(ada: httpx.Client, registry: LiveRegistry) -> None:
    with registry.client(make_token(registry.home, "many", Role.WRITE)) as client:
        for number in range(26):
            put(client, f"many/iris-{number:02}", "Iris:1", "RAY", {})
        first = ada.get("/deployments/many?order=name").text
        assert "1 to 25 of 26" in words(first)
        (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
        second = ada.get(unescape(following)).text
        assert "26 to 26 of 26" in words(second)
        assert "iris-25" in words(second)
        assert ada.get("/deployments/many?page=3").status_code == 404
        assert 'aria-sort="ascending"' in first
        for number in range(26):
            assert client.delete(f"/api/v1/deployments/many/iris-{number:02}").status_code == 204


def test_events_are_read_page_by_page(ada: httpx.Client, registry: LiveRegistry) -> None:
    with registry.client(make_token(registry.home, "talker", Role.WRITE)) as client:
        put(client, "talk/iris", "Iris:1", "RAY", {})
        for number in range(50):
            report(client, "talk/iris", {"state": "PENDING", "message": f"step {number}."})
    newest = ada.get("/deployments/talk/iris").text
    assert "step 49." in words(newest)
    assert "step 0." in words(newest)
    assert "<strong>Recorded</strong>" not in newest
    (older,) = re.findall(r'rel="next" href="([^"]+)"', newest)
    oldest = ada.get(unescape(older)).text
    assert "<strong>Recorded</strong>" in oldest
    assert "step" not in words(oldest)
    assert "Newest" in words(oldest)


def test_deletion_asks_and_removes_the_record_that_was_looked_at(ada: httpx.Client, registry: LiveRegistry) -> None:
    with registry.client(make_token(registry.home, "forgetter", Role.WRITE)) as client:
        put(client, "gone/iris", "Iris:1", "AWS_LAMBDA", LAMBDA)
        report(client, "gone/iris", RUNNING)
        path = "/deployments/gone/iris/delete"
        stale = re.search(r'name="revision" value="(\d+)"', ada.get(path).text)
        assert stale is not None
        report(client, "gone/iris", {"state": "FAILED"})
        refused = ada.post(path, data={"revision": stale[1]})
        assert (refused.status_code, "changed by somebody else" in words(refused.text)) == (409, True)
        assert ada.post(path, data={"revision": "x"}).status_code == 400
        revision = re.search(r'name="revision" value="(\d+)"', ada.get(path).text)
        assert revision is not None
        done = ada.post(path, data={"revision": revision[1]})
        assert (done.url.path, "The record of gone/iris was deleted" in words(done.text)) == ("/deployments", True)
        assert ada.get("/deployments/gone/iris").status_code == 404


def test_deployment_of_a_bundle_that_is_gone_says_so(ada: httpx.Client, registry: LiveRegistry) -> None:
    with registry.client(make_token(registry.home, "remover", Role.WRITE)) as client:
        put(client, "left/iris", "Iris:1", "RAY", {})
        assert client.delete("/api/v1/bundles/Iris/1", params={"force": True}).status_code == 204
        page = ada.get("/deployments/left/iris").text
        assert "Iris:1 not in the registry" in words(page)
        assert 'href="/repository/Iris/1"' not in page
        assert client.post("/api/v1/bundles/Iris/1/restore").status_code == 200
        assert client.delete("/api/v1/deployments/left/iris").status_code == 204


def test_readers_see_no_button_that_deletes(registry: LiveRegistry) -> None:
    with registry.client(make_token(registry.home, "reader", Role.READ)) as client:
        page = client.get("/deployments/prod/iris")
        assert (page.status_code, "Delete" in page.text) == (200, False)
        assert client.get("/deployments/prod/iris/delete").status_code == 403


def test_deployments_of_bundles_that_may_not_be_known_are_nowhere(registry: LiveRegistry) -> None:
    with registry.client(make_token(registry.home, "narrow", Role.ADMIN, "Wine")) as client:
        for path in ("/", "/deployments", "/deployments/prod", "/deployments?q=iris"):
            page = client.get(path)
            assert page.status_code == 200
            assert "/deployments/prod/iris" not in page.text, path
        assert client.get("/deployments/prod/iris").status_code == 404
        assert client.post("/deployments/prod/iris/delete", data={"revision": "2"}).status_code == 404
        assert client.get("/deployments/dev/wine").status_code == 200
