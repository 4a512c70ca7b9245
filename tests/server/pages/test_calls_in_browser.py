"""The command lines that the pages show."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import Browser, Tab
from tests.server.live import LiveServer

MODEL = "/v2/models/FlowerClassifier/infer"
WITH_EXAMPLE = {"/predict", "/widest", "/v1/describe", MODEL}

pytestmark = pytest.mark.browser


def test_front_page_shows_a_command_that_works(flowers: LiveServer, tab: Tab) -> None:
    tab.goto(flowers.url)
    tab.wait_for("#calls li")
    lines: list[str] = tab.run("[...document.querySelectorAll('#calls code')].map(code => code.textContent)")
    answers = {}
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "curl"
        # All others have an example that is only good for their adapter.
        if words[-1].removeprefix(flowers.url) in WITH_EXAMPLE:
            done = subprocess.run(
                ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", *words[1:]],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            answers[words[-1].removeprefix(flowers.url)] = done.stdout
    assert answers.keys() == WITH_EXAMPLE
    assert answers["/predict"] == "[0]"
    assert answers["/widest"] == "[1.5]"
    assert '"seen": {"text": "it\'s a rose"}' in answers["/v1/describe"]
    assert json.loads(answers[MODEL])["outputs"][0]["data"] == [0]


def test_command_is_copied_with_a_click(flowers: LiveServer, tab: Tab) -> None:
    tab.allow_clipboard()
    tab.goto(flowers.url)
    tab.click("#calls > ul > li:first-child button")
    tab.wait_for("#calls button:text-is('Copied')")
    assert tab.run("navigator.clipboard.readText()") == tab.text("#calls > ul > li:first-child code")
    assert tab.problems == []


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
    "form of several files": (
        {
            "multipart/form-data": {
                "schema": {"properties": {"a b": {}, "notes": {}, "c": {}}, "required": ["a b", "c", "gone"]},
                "encoding": {"c": {"contentType": "image/png, image/jpeg"}},
            }
        },
        "-F 'a b=@a b' -F c=@c.png ",
    ),
    "form of an image": (
        {
            "multipart/form-data": {
                "schema": {"properties": {"f": {}}},
                "encoding": {"f": {"contentType": "image/webp"}},
            }
        },
        "-F f=@input.webp ",
    ),
    "text": ({"*/*": {"example": "a b"}}, "-H 'Content-Type: text/plain' --data-binary 'a b' "),
    "text that names a file": ({"text/csv": {"example": "@/etc/passwd"}}, "--data-binary @input.csv "),
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
def docs_tab(flowers: LiveServer, browser: Browser) -> Iterator[Tab]:
    with browser.tab() as opened:
        opened.goto(f"{flowers.url}/docs")
        yield opened


@pytest.mark.parametrize("name", BODIES)
def test_command_sends_what_the_document_asks_for(flowers: LiveServer, docs_tab: Tab, name: str) -> None:
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
    assert line.endswith(f" {flowers.url}/p")


def test_hostile_names_are_quoted_in_the_command(hostile: LiveServer, tab: Tab) -> None:
    tab.goto(hostile.url)
    tab.wait_for("#calls code")
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
