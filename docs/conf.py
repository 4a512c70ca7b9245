"""Settings of the documentation site: Sphinx reads the Markdown pages of this directory through MyST."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

project = "bentoml"
author = "The bentoml authors"
copyright = "the bentoml authors, Apache License 2.0"
release = version = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"bentoml {release}"
html_static_path: list[str] = []
templates_path: list[str] = []

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def example_blocks(index: str) -> Iterator[str]:
    """The page and the code of each example, in the order of their index."""
    for name in re.findall(r"\((\w+)/README\.md\)", index):
        yield "#" + (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
        for module in sorted((EXAMPLES / name).glob("*.py")):
            text = module.read_text(encoding="utf-8")
            yield f"```{{code-block}} python\n:caption: examples/{name}/{module.name}\n\n{text}```\n"


def fill_in_examples(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put all of the directory of examples, which lies outside of the pages, on one page."""
    if docname != "examples":
        return
    for path in (*EXAMPLES.rglob("*.md"), *EXAMPLES.rglob("*.py")):
        app.env.note_dependency(str(path))
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    text = "\n".join([index, *example_blocks(index)])
    source[0] = re.sub(r"\((\w+)/README\.md\)", r"(#\1)", text).replace("../../docs/", "")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", fill_in_examples)
