"""The pages of a running server in a real browser."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bentoml.server.tokens import digest_of
from tests.browser import Browser, ColorScheme, Tab
from tests.server.live import LiveServer, live_server
from tests.server.prefix_proxy import prefix_proxy

pytestmark = pytest.mark.browser

PREFIX = "/models/flowers"
# The contrast of text that WCAG asks for (level AA).
READABLE = 4.5


CONTRASTS = """
() => {
  document.getAnimations().forEach(transition => transition.finish());
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const over = (top, below) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map(i => top[i] * alpha + below[i] * (1 - alpha));
  };
  const background = element => {
    const own = channels(getComputedStyle(element).backgroundColor);
    if ((own[3] ?? 1) === 1) return own;
    const below = element.parentElement ? background(element.parentElement) : [255, 255, 255];
    return over(own, below);
  };
  const luminance = color => {
    const [r, g, b] = color.map(value => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const ground = background(element);
    const color = over(channels(getComputedStyle(element).color), ground);
    const [high, low] = [luminance(color), luminance(ground)].sort((a, b) => b - a);
    const name = `${element.tagName}.${element.className} ${text.slice(0, 30)}`;
    found[name] = Math.round((high + 0.05) / (low + 0.05) * 100) / 100;
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def server(flowers_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(flowers_bundle, home=tmp_path_factory.mktemp("pages-home")) as running:
        yield running


@pytest.fixture(scope="module")
def prefixed(server: LiveServer) -> Iterator[str]:
    with prefix_proxy(server.url, PREFIX) as url:
        yield url


@pytest.fixture(scope="module")
def hostile(hostile_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(hostile_bundle, home=tmp_path_factory.mktemp("hostile-home")) as running:
        yield running


def operation(method: str, name: str) -> str:
    return f"[id^=operations-][id$='-{method}_{name}']"


def execute(tab: Tab, block: str) -> tuple[str, str]:
    """Send what stands in an operation's form; returns status and body of the answer, as the page shows them."""
    tab.click(f"{block} .execute")
    live = f"{block} .live-responses-table tbody .response"
    tab.wait_for(live)
    return tab.text(f"{live} > .response-col_status").split()[0], tab.text(f"{live} .response-col_description")


def test_front_page_loads_from_this_server_alone(server: LiveServer, tab: Tab) -> None:
    for path in ("/", "/docs"):
        tab.goto(server.url + path)
        tab.wait_for(operation("post", "predict"))
    assert tab.problems == []
    assert all(url.startswith((server.url, "data:")) for url in tab.requested)
    assert len(tab.requested) > 8
    assert tab.title.startswith("FlowerClassifier ")


def test_front_page_shows_a_command_that_works(server: LiveServer, tab: Tab) -> None:
    tab.goto(server.url)
    tab.wait_for("#calls li")
    lines: list[str] = tab.run("[...document.querySelectorAll('#calls code')].map(code => code.textContent)")
    answers = {}
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "curl"
        if "@input.json" not in words:
            done = subprocess.run(
                ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", *words[1:]],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            answers[words[-1].removeprefix(server.url)] = done.stdout
    assert answers.keys() == {"/predict", "/widest", "/v1/describe"}
    assert answers["/predict"] == "[0]"
    assert answers["/widest"] == "[1.5]"
    assert '"seen": {"text": "it\'s a rose"}' in answers["/v1/describe"]


def test_command_is_copied_with_a_click(server: LiveServer, tab: Tab) -> None:
    tab.allow_clipboard()
    tab.goto(server.url)
    tab.click("#calls > ul > li:first-child button")
    tab.wait_for("#calls button:text-is('Copied')")
    assert tab.run("navigator.clipboard.readText()") == tab.text("#calls > ul > li:first-child code")
    assert tab.problems == []


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_try_it_out_sends_the_example_and_shows_the_answer(server: LiveServer, tab: Tab, path: str) -> None:
    tab.goto(server.url + path)
    block = operation("post", "predict")
    assert tab.text(f"{block} .opblock-summary-description") == "The number of the species of each flower."
    tab.click(f"{block} .opblock-summary-control")
    assert execute(tab, block)[0] == "200"
    assert tab.text(f"{block} .live-responses-table .response-col_description pre >> nth=0") == "[\n  0\n]"
    assert tab.problems == []


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_try_it_out_below_the_prefix_of_a_proxy_reaches_the_service(prefixed: str, tab: Tab, path: str) -> None:
    tab.goto(prefixed + path)
    block = operation("post", "v1_describe")
    tab.click(f"{block} .opblock-summary-control")
    status, text = execute(tab, block)
    assert status == "200"
    assert "it's a rose" in text
    assert tab.problems == []
    assert all(url.startswith((f"{prefixed}/", "data:")) for url in tab.requested)
    tab.click("#calls summary")
    assert f"{prefixed}/predict" in tab.text("#calls")


def test_try_it_out_of_a_get_shows_its_answer(server: LiveServer, tab: Tab) -> None:
    tab.goto(server.url)
    block = operation("get", "metadata")
    tab.click(f"{block} .opblock-summary-control")
    status, text = execute(tab, block)
    assert status == "200"
    assert '"name": "FlowerClassifier"' in text
    assert tab.problems == []


def test_try_it_out_sends_a_file_of_a_form(server: LiveServer, tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "flowers.csv").write_text("width,kind\n7.75,a\n")
    tab.goto(server.url)
    block = operation("post", "widest")
    tab.click(f"{block} .opblock-summary-control")
    tab.choose(f"{block} .opblock-section-request-body select.content-type", "multipart/form-data")
    tab.upload(f"{block} input[type=file]", tmp_path / "flowers.csv")
    status, text = execute(tab, block)
    assert status == "200", text
    assert "7.8" in text
    assert tab.problems == []


def test_try_it_out_shows_an_error_with_its_text(server: LiveServer, tab: Tab) -> None:
    tab.goto(server.url)
    block = operation("post", "fail")
    tab.click(f"{block} .opblock-summary-control")
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
        contrasts: dict[str, float] = tab.run(CONTRASTS)
        tab.click(".dialog-ux .close-modal")
        tab.click(f"{block} .btn-clear")
        assert execute(tab, block)[0] == "200"
    assert {name: value for name, value in contrasts.items() if value < READABLE} == {}
    assert not [problem for problem in tab.problems if "401" not in problem]


def test_tabs_are_used_with_the_keyboard_and_told_to_screen_readers(server: LiveServer, tab: Tab) -> None:
    def selected() -> list[str]:
        script = "[...document.querySelectorAll('[role=tab][aria-selected=true]')].map(tab => tab.textContent)"
        return list(tab.run(script))

    tab.goto(server.url)
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
    server: LiveServer, browser: Browser, color_scheme: ColorScheme
) -> None:
    with browser.tab(color_scheme=color_scheme) as tab:
        tab.goto(server.url)
        block = operation("post", "predict")
        tab.click(f"{block} .opblock-summary-control")
        execute(tab, block)
        contrasts: dict[str, float] = tab.run(CONTRASTS)
        tab.click("#tab-readme")
        contrasts |= tab.run(CONTRASTS)
        ground = tab.run("getComputedStyle(document.body).backgroundColor")
    assert len(contrasts) > 40
    assert {name: value for name, value in contrasts.items() if value < READABLE} == {}
    assert (ground == "rgb(255, 255, 255)") is (color_scheme == "light")


def test_pages_fit_a_narrow_phone(server: LiveServer, browser: Browser) -> None:
    with browser.tab(width=360, height=740) as tab:
        tab.goto(server.url)
        tab.click(f"{operation('post', 'predict')} .opblock-summary-control")
        for click in ("#tab-swagger", "#tab-readme"):
            tab.click(click)
            assert tab.run("document.documentElement.scrollWidth") <= 360


BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "example": ({"application/json": {"example": [1, "a b"]}}, "-H 'Content-Type: application/json' -d '[1,\"a b\"]'"),
    "columns": (
        {"application/json": {"schema": {"properties": {"a": {"type": "array", "items": {"type": "integer"}}}}}},
        "-H 'Content-Type: application/json' -d '{\"a\":[1]}'",
    ),
    "nothing known": ({"application/json": {"schema": {"type": "object"}}}, "-d @input.json"),
    "too long": ({"application/json": {"example": "x" * 3000}}, "-d @input.json"),
    "other json": ({"application/vnd.api+json": {"example": 1}}, "-H 'Content-Type: application/vnd.api+json' -d 1"),
    "csv": ({"text/csv": {}}, "-H 'Content-Type: text/csv' --data-binary @input.csv"),
    "image": ({"image/*": {}, "multipart/form-data": {}}, "application/octet-stream' --data-binary @input.bin"),
    "form": ({"multipart/form-data": {"schema": {"properties": {"photo": {}}}}}, "-F photo=@input"),
    "no body": ({}, "curl -d '{}' http"),
    "names of the language": (
        {"application/json": {"schema": {"type": "toString", "properties": {"constructor": {"type": "constructor"}}}}},
        "-d '{\"constructor\":{}}'",
    ),
    "quotes and marks": (
        {"application/json": {"example": "'\u202e\u0000\u2028"}},
        r"""-d '"'\''\u202e\u0000\u2028"' """,
    ),
    "no schema": ({"application/json": None}, "-d @input.json"),
}


@pytest.fixture(scope="module")
def docs_tab(server: LiveServer, browser: Browser) -> Iterator[Tab]:
    with browser.tab() as opened:
        opened.goto(f"{server.url}/docs")
        yield opened


@pytest.mark.parametrize("name", BODIES)
def test_command_sends_what_the_document_asks_for(server: LiveServer, docs_tab: Tab, name: str) -> None:
    content, expected = BODIES[name]
    line: str = docs_tab.run(
        """content => {
          const section = document.createElement('section');
          showCalls(section, {paths: {'/p': {post: {requestBody: {content}}}}});
          return section.querySelector('code').textContent;
        }""",
        content,
    )
    assert expected in line
    assert line.startswith("curl ")
    assert line.endswith(f" {server.url}/p")


def test_hostile_description_of_a_service_runs_nothing(hostile: LiveServer, tab: Tab) -> None:
    for path in ("/", "/docs", "/#readme"):
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


def test_hostile_names_are_quoted_in_the_command(hostile: LiveServer, tab: Tab) -> None:
    tab.goto(hostile.url)
    line: str = tab.run("document.querySelector('#calls code').textContent")
    words = shlex.split(line)
    assert words[:3] == ["curl", "-H", "Content-Type: application/json"]
    assert words[3] == "-d"
    assert len(words) == 6
    assert not {"\u202e", "\u2066", "\n"} & set(line)
    done = subprocess.run(
        ["curl", "--silent", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", *words[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "200"
