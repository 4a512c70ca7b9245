"""The pages of a running server in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bentoml.server.options.tokens import digest_of
from tests.browser import Browser, ColorScheme, Tab
from tests.server.live import LiveServer, live_server
from tests.server.prefix_proxy import prefix_proxy
from tests.server.swagger_page import execute, operation, pale_texts, unfold

pytestmark = pytest.mark.browser

PREFIX = "/models/flowers"


@pytest.fixture(scope="module")
def prefixed(flowers: LiveServer) -> Iterator[str]:
    with prefix_proxy(flowers.url, PREFIX) as url:
        yield url


def test_front_page_loads_from_this_server_alone(flowers: LiveServer, tab: Tab) -> None:
    for path in ("/", "/docs"):
        tab.goto(flowers.url + path)
        tab.wait_for(operation("post", "predict"))
    assert tab.problems == []
    assert all(url.startswith((flowers.url, "data:")) for url in tab.requested)
    assert len(tab.requested) > 8
    assert tab.title.startswith("FlowerClassifier ")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_try_it_out_sends_the_example_and_shows_the_answer(flowers: LiveServer, tab: Tab, path: str) -> None:
    tab.goto(flowers.url + path)
    block = operation("post", "predict")
    assert tab.text(f"{block} .opblock-summary-description") == "The number of the species of each flower."
    tab.click(f"{block} .opblock-summary-control")
    assert execute(tab, block)[0] == "200"
    assert tab.text(f"{block} .live-responses-table .response-col_description pre >> nth=0") == "[\n  0\n]"
    assert tab.problems == []


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_try_it_out_below_the_prefix_of_a_proxy_reaches_the_service(prefixed: str, tab: Tab, path: str) -> None:
    block = unfold(tab, prefixed + path, "post", "v1_describe")
    status, text = execute(tab, block)
    assert status == "200"
    assert "it's a rose" in text
    assert tab.problems == []
    assert all(url.startswith((f"{prefixed}/", "data:")) for url in tab.requested)
    tab.click("#calls summary")
    assert f"{prefixed}/predict" in tab.text("#calls")


def test_try_it_out_of_a_get_shows_its_answer(flowers: LiveServer, tab: Tab) -> None:
    block = unfold(tab, flowers.url, "get", "metadata")
    status, text = execute(tab, block)
    assert status == "200"
    assert '"name": "FlowerClassifier"' in text
    assert tab.problems == []


def test_try_it_out_sends_a_file_of_a_form(flowers: LiveServer, tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "flowers.csv").write_text("width,kind\n7.75,a\n")
    block = unfold(tab, flowers.url, "post", "widest")
    tab.choose(f"{block} .opblock-section-request-body select.content-type", "multipart/form-data")
    tab.upload(f"{block} input[type=file]", tmp_path / "flowers.csv")
    status, text = execute(tab, block)
    assert status == "200", text
    assert "7.8" in text
    assert tab.problems == []


def test_try_it_out_shows_an_error_with_its_text(flowers: LiveServer, tab: Tab) -> None:
    block = unfold(tab, flowers.url, "post", "fail")
    status, text = execute(tab, block)
    assert status == "500"
    assert "<b>not today</b>" in text
    assert tab.count(f"{block} .response b") == 0


def test_pages_behind_tokens_ask_for_them_and_say_so_in_the_commands(
    flowers_bundle: Path, browser: Browser, tmp_path: Path
) -> None:
    tokens = (
        f"inference_tokens: ['{digest_of('token-of-a-client')}'], docs_tokens: ['{digest_of('token-of-a-reader')}']"
    )
    (tmp_path / "bentoml.yml").write_text(f"bento_server: {{auth: {{{tokens}}}}}")
    with (
        live_server(flowers_bundle, home=tmp_path) as server,
        browser.tab(password="token-of-a-reader") as tab,
    ):
        tab.goto(server.url)
        block = operation("post", "predict")
        assert "-H 'Authorization: Bearer TOKEN'" in tab.text("#calls > ul > li:first-child code")
        tab.click(f"{block} .opblock-summary-control")
        assert execute(tab, block)[0] == "401"
        tab.click(".auth-wrapper .btn.authorize")
        tab.fill("#auth-bearer-value", "token-of-a-client")
        tab.click(".auth-container:has(#auth-bearer-value) button[type=submit]")
        pale = pale_texts(tab)
        tab.click(".dialog-ux .close-modal")
        tab.click(f"{block} .btn-clear")
        assert execute(tab, block)[0] == "200"
    assert pale == {}
    assert not [problem for problem in tab.problems if "401" not in problem]


def test_tabs_are_used_with_the_keyboard_and_told_to_screen_readers(flowers: LiveServer, tab: Tab) -> None:
    def selected() -> list[str]:
        script = "[...document.querySelectorAll('[role=tab][aria-selected=true]')].map(tab => tab.textContent)"
        return list(tab.run(script))

    tab.goto(flowers.url)
    tab.press("Tab")
    assert selected() == ["Swagger UI"]
    assert tab.run("document.activeElement.textContent") == "Swagger UI"
    tab.press("ArrowRight")
    assert selected() == ["ReadMe"] == [tab.run("document.activeElement.textContent")]
    assert tab.text("[role=tabpanel]:not([hidden]) h1") == "Flower classifier"
    assert not tab.sees("#swagger-ui")
    tab.press("Home")
    assert selected() == ["Swagger UI"]
    assert tab.sees("#swagger-ui")
    tab.press("End")
    tab.press("Tab")
    assert tab.run("document.activeElement.textContent") == "docs.json"
    tab.click("#tab-readme")
    tab.goto(tab.url)
    assert tab.url.endswith("#readme")
    assert selected() == ["ReadMe"]
    labels = "[...document.querySelectorAll('[role=tabpanel]')].map(panel => panel.getAttribute('aria-labelledby'))"
    assert [tab.run("id => document.getElementById(id).textContent", label) for label in tab.run(labels)] == [
        "Swagger UI",
        "ReadMe",
    ]
    assert tab.problems == []


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_text_can_be_read_in_both_color_schemes(
    flowers: LiveServer, browser: Browser, color_scheme: ColorScheme
) -> None:
    with browser.tab(color_scheme=color_scheme) as tab:
        block = unfold(tab, flowers.url, "post", "predict")
        execute(tab, block)
        pale = pale_texts(tab)
        tab.click("#tab-readme")
        pale |= pale_texts(tab)
        ground = tab.run("getComputedStyle(document.body).backgroundColor")
    assert pale == {}
    assert (ground == "rgb(255, 255, 255)") is (color_scheme == "light")


def test_pages_fit_a_narrow_phone(flowers: LiveServer, browser: Browser) -> None:
    with browser.tab(width=360, height=740) as tab:
        unfold(tab, flowers.url, "post", "predict")
        for click in ("#tab-swagger", "#tab-readme"):
            tab.click(click)
            assert tab.run("document.documentElement.scrollWidth") <= 360
