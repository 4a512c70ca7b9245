"""Every page in a real browser: in both colours, on a telephone, with scripts, for people who cannot see it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from bentoml.yatai.server.roles import Role
from tests.browser import Browser, ColorScheme, Tab
from tests.yatai.server.bundles import push, write_bundle
from tests.yatai.server.live_registry import LiveRegistry, live_registry, make_token

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/repository",
    "/repository?q=nothing-like-it",
    "/repository/Iris",
    "/repository/Iris/1",
    "/repository/Iris/1/environment",
    "/repository/Iris/1/files",
    "/repository/Iris/1/files/Iris/iris.py",
    "/repository/Iris/1/delete",
    "/compare/Iris?left=1&right=2",
    "/deployments",
    "/deployments?state=FAILED&q=nothing-like-it",
    "/deployments/nowhere",
    "/deployments/prod/iris",
    "/deployments/staging/iris",
    "/deployments/prod/iris/delete",
    "/audit",
]
RUNNING = {
    "state": "RUNNING",
    "info": {
        "endpoints": ["https://a1b2c3.execute-api.eu-west-1.amazonaws.com/Prod/predict"],
        "stack": {"resources": 7},
    },
    "resources": [{"kind": "s3_bucket", "id": "btml-prod-iris-3f9c1a", "detail": {"region": "eu-west-1"}}],
}
CRASHED = {"state": "CRASH_LOOP_BACK_OFF", "error_message": "exit code 137: out of memory"}


def axe_source() -> str:
    """The checks of axe-core, a script."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    with live_registry(tmp_path_factory.mktemp("home")) as running:
        bundles = tmp_path_factory.mktemp("bundles")
        with running.client(make_token(running.home, "ada", Role.ADMIN)) as client:
            push(client, write_bundle(bundles, "Iris", "1"), "Iris:1", {"team": "vision", "stage": "prod"})
            push(client, write_bundle(bundles, "Iris", "2", b"y" * 2000), "Iris:2")
            client.put("/api/v1/aliases/Iris/production", json={"version": "1"})
            for namespace, config, report in (
                ("prod", {"region": "eu-west-1", "memory_size": 1024, "environment": {"LOG_LEVEL": "info"}}, RUNNING),
                ("staging", {}, CRASHED),
            ):
                path = f"/api/v1/deployments/{namespace}/iris"
                asked = {
                    "bento_name": "Iris",
                    "bento_version": "1",
                    "operator": "AWS_LAMBDA",
                    "operator_config": config,
                }
                assert client.put(path, json={**asked, "labels": {"team": "vision"}}).status_code == 200
                assert client.put(f"{path}/state", json=report).status_code == 200
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_fault_that_a_machine_finds(
    registry: LiveRegistry, browser: Browser, scheme: ColorScheme
) -> None:
    axe = axe_source()
    with browser.tab(color_scheme=scheme) as tab:
        for path in PAGES:
            tab.goto(registry.url + path)
            tab.run(axe)
            faults = tab.run(
                "async () => (await axe.run()).violations.map(fault => [fault.id, fault.nodes.map(node => node.html)])"
            )
            assert faults == [], path
        assert tab.problems == []


def test_pages_fit_a_telephone(registry: LiveRegistry, browser: Browser) -> None:
    with browser.tab(width=360, height=700) as tab:
        for path in PAGES:
            tab.goto(registry.url + path)
            assert tab.run("document.documentElement.scrollWidth") == 360, path
        assert tab.problems == []


def test_pages_load_from_this_server_alone(registry: LiveRegistry, tab: Tab) -> None:
    for path in PAGES:
        tab.goto(registry.url + path)
    assert all(url.startswith((registry.url, "data:")) for url in tab.requested)


def test_search_shows_what_matches_as_one_types(registry: LiveRegistry, tab: Tab) -> None:
    tab.goto(registry.url + "/repository")
    tab.press("/")
    tab.fill("#q", "no such bundle")
    tab.wait_for("text=Nothing matches")
    tab.fill("#q", "iris")
    tab.wait_for("text=1 to 2 of 2")
    tab.fill("#labels", "team=vision")
    tab.wait_for("text=1 to 1 of 1")
    assert "q=iris" in tab.url
    assert "labels=team" in tab.url
    assert tab.problems == []


def test_deployments_are_filtered_as_one_types(registry: LiveRegistry, tab: Tab) -> None:
    tab.goto(registry.url + "/deployments")
    tab.wait_for("text=1 to 2 of 2")
    tab.choose("#state", "RUNNING")
    tab.wait_for("text=1 to 1 of 1")
    tab.press("/")
    tab.fill("#q", "staging")
    tab.wait_for("text=Nothing matches")
    tab.choose("#state", "")
    tab.wait_for("text=1 to 1 of 1")
    assert "q=staging" in tab.url
    tab.click("th a.tag")
    tab.wait_for("text=exit code 137")
    assert tab.problems == []


def test_labels_and_aliases_are_edited_in_place(registry: LiveRegistry, tab: Tab) -> None:
    tab.goto(registry.url + "/repository/Iris/2")
    address = tab.url
    tab.fill("#labels-panel form.inline [name=key]", "owner")
    tab.fill("#labels-panel form.inline [name=value]", "ada")
    tab.click("#labels-panel form.inline button")
    tab.wait_for("text=owner: ada")
    tab.click("button[aria-label='Remove label owner']")
    tab.wait_for("text=No label.")
    tab.fill("#aliases-panel form.inline [name=alias]", "not an alias")
    tab.click("#aliases-panel form.inline button")
    tab.wait_for("#aliases-panel [role=alert]")
    tab.fill("#aliases-panel form.inline [name=alias]", "staging")
    tab.click("#aliases-panel form.inline button")
    tab.wait_for("#aliases-panel >> text=@staging")
    assert tab.url == address
    assert tab.problems == []


def test_requests_are_copied(registry: LiveRegistry, tab: Tab) -> None:
    tab.allow_clipboard()
    tab.goto(registry.url + "/repository/Iris/1")
    tab.click(".api > .copy > button")
    tab.wait_for("text=Copied")
    assert tab.run("navigator.clipboard.readText()").startswith("curl -X POST http://localhost:5000/predict")


def test_colours_can_be_chosen(registry: LiveRegistry, tab: Tab) -> None:
    tab.goto(registry.url + "/repository")
    tab.choose("#theme", "dark")
    tab.wait_for("html[data-theme=dark]")
    assert tab.url.endswith("/repository")
    assert tab.problems == []
