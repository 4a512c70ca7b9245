from __future__ import annotations

import hashlib
import json

import pytest

from bentoml.server.front.bundle_view import BundleView
from bentoml.server.pages.assets import STATIC_DIR, Assets
from bentoml.server.pages.pages import front_page, render_lead, render_markdown, swagger_page
from bentoml.service.metadata import BentoServiceMetadata


@pytest.fixture(scope="module")
def assets() -> Assets:
    return Assets()


def view_of(readme: str, name: str = "Iris", version: str = "1.0") -> BundleView:
    return BundleView(BentoServiceMetadata(name, version), b"{}", json.dumps({}).encode(), readme, None)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title", "<h1>Title</h1>"),
        ("a **b** `c`", "<strong>b</strong> <code>c</code>"),
        ("| x |\n|---|\n| 1 |", "<td>1</td>"),
        ("~~old~~", "<s>old</s>"),
        ("```\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        ("[site](https://example.org)", '<a href="https://example.org">site</a>'),
    ],
)
def test_render_markdown_of_ordinary_text(text: str, html: str) -> None:
    assert html in render_markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](vbscript:x)",
        "<javascript:alert(1)>",
        '[x](https://e.org/"onmouseover="alert(1))',
    ],
)
def test_render_markdown_of_hostile_text_makes_nothing_active(text: str) -> None:
    html = render_markdown(text)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html.lower()
    assert 'href="data:' not in html
    assert '"onmouseover' not in html


def test_front_page_of_hostile_names_escapes_them(assets: Assets) -> None:
    html = front_page(view_of("text", "<i>$name", '1"&<b>'), assets, has_metrics=True).content.decode()
    assert "<i>" not in html
    assert "<b>" not in html
    assert "&lt;i&gt;$name" in html


def test_front_page_without_docstring_says_so(assets: Assets) -> None:
    assert "has no docstring" in front_page(view_of(" \n"), assets, has_metrics=True).content.decode()


def test_pages_link_to_metrics_only_when_they_are_on(assets: Assets) -> None:
    assert b'href="metrics"' in swagger_page(view_of(""), assets, has_metrics=True).content
    assert b'href="metrics"' not in swagger_page(view_of(""), assets, has_metrics=False).content


def test_vendored_files_are_those_that_were_checked_in() -> None:
    directory = STATIC_DIR / "swagger-ui"
    lines = (directory / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == 5
    for line in lines:
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == digest


def test_render_markdown_of_a_huge_text_shows_it_as_it_is() -> None:
    html = render_markdown("# <b>\n" + "x" * 200_000)
    assert html.startswith('<pre class="plain"># &lt;b&gt;\nxxx')


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title\n\nFirst *one*.\n\nSecond.", '<p class="lead" dir="auto">First <em>one</em>.</p>'),
        ("- item\n\nAfter a list <b>.", '<p class="lead" dir="auto">After a list &lt;b&gt;.</p>'),
        ("[x](javascript:alert(1))", '<p class="lead" dir="auto">[x](javascript:alert(1))</p>'),
        ("x" * 500, ""),
        ("# Only a title", ""),
        ("", ""),
    ],
)
def test_render_lead_takes_the_first_paragraph_when_it_is_short(text: str, html: str) -> None:
    assert render_lead(text) == html
