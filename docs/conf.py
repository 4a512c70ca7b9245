"""Settings of the documentation site: Sphinx reads the Markdown pages of this directory through MyST."""

from bentoml import __version__

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
