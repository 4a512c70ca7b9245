"""The HTML pages of the server: the front page with its two tabs, and the Swagger page alone."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from bentoml._http.security_headers import PAGE_HEADERS
from bentoml.server.pages.documents import Document

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

    from bentoml.server.front.bundle_view import BundleView
    from bentoml.server.pages.assets import Assets

_TEMPLATE = Path(__file__).with_name("templates") / "page.html"

_TABS = """<div class="tabs" role="tablist" aria-label="Views">
<button type="button" role="tab" id="tab-swagger" aria-controls="panel-swagger" aria-selected="true">Swagger UI</button>
<button type="button" role="tab" id="tab-readme" aria-controls="panel-readme" aria-selected="false" tabindex="-1">\
ReadMe</button>
</div>"""
_README_PANEL = """<section id="panel-readme" class="readme" role="tabpanel" aria-labelledby="tab-readme" \
tabindex="0" hidden>
<main dir="auto">
{}
</main>
</section>"""
# A longer text is shown as it is: rendering it could take seconds, in which inference would suffer.
_LARGEST_MARKDOWN = 100_000
_LONGEST_LEAD = 400
_NO_README = "<p>The service class has no docstring; what it says would stand here.</p>"


def front_page(view: BundleView, assets: Assets, *, has_metrics: bool) -> Document:
    """The page at `/`: Swagger UI in one tab, the docstring of the service class in the other."""
    return _page(
        view,
        assets,
        has_metrics=has_metrics,
        navigation=_TABS,
        swagger_attributes=' role="tabpanel" aria-labelledby="tab-swagger"',
        lead=render_lead(view.readme),
        readme_panel=_README_PANEL.format(render_markdown(view.readme) if view.readme.strip() else _NO_README),
    )


def swagger_page(view: BundleView, assets: Assets, *, has_metrics: bool) -> Document:
    """The page at `/docs`: Swagger UI alone."""
    return _page(view, assets, has_metrics=has_metrics, navigation="", swagger_attributes="", lead="", readme_panel="")


def _page(view: BundleView, assets: Assets, *, has_metrics: bool, **parts: str) -> Document:
    html = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(f"{view.name} {view.version}"),
        name=escape(view.name),
        version=escape(view.version),
        metrics_link='<a href="metrics">metrics</a>' if has_metrics else "",
        icon_url=assets.url("icon.svg"),
        calls_js_url=assets.url("calls.js"),
        page_css_url=assets.url("page.css"),
        page_js_url=assets.url("page.js"),
        swagger_css_url=assets.url("swagger-ui/swagger-ui.css"),
        swagger_js_url=assets.url("swagger-ui/swagger-ui-bundle.js"),
        **parts,
    )
    return Document(html.encode(), "text/html; charset=utf-8", headers=PAGE_HEADERS)


def render_markdown(text: str) -> str:
    """HTML of a markdown text. HTML inside the text is shown as text, and links cannot run scripts."""
    if len(text) > _LARGEST_MARKDOWN:
        return f'<pre class="plain">{escape(text)}</pre>'
    html: str = _markdown().render(text)
    return html


def render_lead(text: str) -> str:
    """HTML of the first paragraph of a markdown text; empty when there is none, or when it is long."""
    markdown = _markdown()
    tokens = markdown.parse(text[:_LARGEST_MARKDOWN])
    for before, token in pairwise(tokens):
        if before.type == "paragraph_open" and before.level == 0:
            if len(token.content) > _LONGEST_LEAD:
                break
            return f'<p class="lead" dir="auto">{markdown.renderInline(token.content)}</p>'
    return ""


def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
