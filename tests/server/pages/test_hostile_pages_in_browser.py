"""Pages of a bundle that says the worst about itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import Tab
from tests.server.live import LiveServer
from tests.server.swagger_page import unfold

pytestmark = pytest.mark.browser


def test_hostile_description_of_a_service_runs_nothing(hostile: LiveServer, tab: Tab) -> None:
    evil = "https://evil.example/docs.json"
    for path in ("/", f"/docs?url={evil}&configUrl={evil}&spec={{}}", "/#readme"):
        tab.goto(hostile.url + path)
        tab.wait_for(".opblock" if path != "/#readme" else "#panel-readme")
        tab.run("document.querySelectorAll('.opblock-summary-control[aria-expanded=false]').forEach(b => b.click())")
        tab.wait_for(".opblock-body" if path != "/#readme" else "#panel-readme")
        assert tab.title.startswith("Hostile ")
        active: dict[str, Any] = tab.run(
            """() => ({
              scripts: [...document.scripts].filter(s => !s.src.startsWith(`${location.origin}/static`)).length,
              frames: document.querySelectorAll('iframe, object, embed').length,
              links: [...document.links].filter(a => /^(javascript|data|vbscript):/i.test(a.href)).map(a => a.href),
              handlers: document.querySelectorAll('[onerror], [onload], [onclick]').length,
              styled: getComputedStyle(document.body).display,
            })"""
        )
        assert active == {"scripts": 0, "frames": 0, "links": [], "handlers": 0, "styled": "block"}
    # The browser notes a request that the policy stops before it is made; none was sent.
    elsewhere = {url for url in tab.requested if not url.startswith((hostile.url, "data:"))}
    assert elsewhere <= {problem.split()[2].rstrip(":") for problem in tab.problems if problem.startswith("failed: ")}
    assert not [problem for problem in tab.problems if problem.startswith(("dialog", "page error"))]


def test_server_that_a_document_names_gets_no_request(hostile: LiveServer, tab: Tab) -> None:
    block = unfold(tab, f"{hostile.url}/docs", "get", "healthz")
    tab.click(f"{block} .execute")
    tab.wait_for(f"{block} .live-responses-table")
    refused = [problem for problem in tab.problems if "https://evil.example/collect/healthz" in problem]
    assert refused
    assert all("Content Security Policy" in problem or problem.startswith("failed: ") for problem in refused)
