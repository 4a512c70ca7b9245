"""What packages on PyPI need from the system and do not bring along, by their names on Debian."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bentoml.saved_bundle.requirements.requirement_text import canonical_name, parse_requirement

if TYPE_CHECKING:
    from collections.abc import Iterable

# Each of them fails on a slim image when it is imported or first used, with the name of a missing file or program.
NEEDED_AT_RUN_TIME: dict[str, tuple[str, ...]] = {
    "cairosvg": ("libcairo2",),
    "graphviz": ("graphviz",),
    "h2o": ("default-jre-headless",),
    "lightgbm": ("libgomp1",),
    "moviepy": ("ffmpeg",),
    "opencv-contrib-python": ("libgl1", "libglib2.0-0"),
    "opencv-python": ("libgl1", "libglib2.0-0"),
    "pdf2image": ("poppler-utils",),
    "pydub": ("ffmpeg",),
    "pyspark": ("default-jre-headless", "procps"),
    "pytesseract": ("tesseract-ocr",),
    "python-magic": ("libmagic1",),
    "pyzbar": ("libzbar0",),
    "weasyprint": ("libpango-1.0-0", "libpangoft2-1.0-0"),
    "xgboost": ("libgomp1",),
    "xgboost-cpu": ("libgomp1",),
}
_FROM_GIT = re.compile(r"(^|@|\s)\s*git\+")


def run_time_packages(requirements: Iterable[str]) -> tuple[str, ...]:
    """Debian packages that the image needs for some lines of requirements.txt, sorted.

    Args:
        requirements: the lines; options, paths and comments among them count for nothing.
    """
    found: set[str] = set()
    for line in requirements:
        parsed = parse_requirement(line.partition(" #")[0].strip())
        if parsed is not None:
            found.update(NEEDED_AT_RUN_TIME.get(canonical_name(parsed.name), ()))
    return tuple(sorted(found))


def build_packages(requirements: Iterable[str]) -> tuple[str, ...]:
    """Debian packages that pip needs while it installs, sorted: git, for what comes from there."""
    return ("git",) if any(_FROM_GIT.search(line) for line in requirements) else ()
