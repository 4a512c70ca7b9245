"""What differs between two versions of a service."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.yatai.server.web.file_tree import text_lines
from bentoml.yatai.server.web.templating import figure, size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bentoml.service.metadata import BentoServiceMetadata

# Texts beyond these are compared by their digests alone: the time that it takes grows with the square of their length.
_LARGEST_TEXT_BYTES = 100_000
_MOST_LINES = 2_000
_MOST_FILES = 100
# What differs between any two saves, and is shown elsewhere or says nothing.
_NOT_SHOWN = frozenset({"SHA256SUMS", "SHA256SUMS.sig", "bentoml.yml", "sbom.cdx.json"})


@dataclass(frozen=True)
class ComparedRow:
    """One row of a table of two versions; a side that lacks it is empty."""

    name: str
    left: str
    right: str

    @property
    def changed(self) -> bool:
        """Whether the two differ."""
        return self.left != self.right


@dataclass(frozen=True)
class ComparedFile:
    """One file that is not the same in both.

    Attributes:
        what: `added`, `removed` or `changed`.
        kind: how that is coloured.
        lines: kind and text of the lines that differ, with those around them; empty when they are not shown.
        note: why they are not.
    """

    path: str
    what: str
    kind: str
    lines: Sequence[tuple[str, str]]
    note: str = ""


@dataclass(frozen=True)
class FileFacts:
    """A file as a tree names it."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Version:
    """One side of a comparison.

    Attributes:
        metrics: numbers of its artifacts.
        files: by path.
        read: gives the content of a file, by its path.
    """

    metadata: BentoServiceMetadata
    metrics: Mapping[str, float]
    files: Mapping[str, FileFacts]
    read: Callable[[str], bytes]


def compared_tables(left: Version, right: Version) -> list[tuple[str, list[ComparedRow]]]:
    """Titles and rows: metrics, requirements, APIs, artifacts; those in which something differs, and metrics always."""
    tables = [
        ("Metrics", _rows(_figures(left), _figures(right)), True),
        ("Requirements", _rows(_requirements(left), _requirements(right)), False),
        ("APIs", _rows(_apis(left), _apis(right)), False),
        ("Artifacts", _rows(_artifacts(left), _artifacts(right)), False),
        ("Environment", _rows(_environment(left), _environment(right)), False),
    ]
    return [(title, rows) for title, rows, always in tables if rows and (always or any(row.changed for row in rows))]


def compared_files(left: Version, right: Version) -> list[ComparedFile]:
    """The files that are not the same in both, texts line by line."""
    paths = sorted(
        path
        for path in {*left.files, *right.files}
        if path not in _NOT_SHOWN and left.files.get(path) != right.files.get(path)
    )
    return [_compared(path, left, right) for path in paths[:_MOST_FILES]]


def _compared(path: str, left: Version, right: Version) -> ComparedFile:
    before, after = left.files.get(path), right.files.get(path)
    what, kind = ("added", "good") if before is None else ("removed", "bad") if after is None else ("changed", "warn")
    sizes = " to ".join(size(each.size_bytes) for each in (before, after) if each is not None)
    if any(each is not None and each.size_bytes > _LARGEST_TEXT_BYTES for each in (before, after)):
        return ComparedFile(path, what, kind, (), f"Too large to be compared here: {sizes}.")
    texts = [[] if each is None else text_lines(side.read(path)) for each, side in ((before, left), (after, right))]
    if texts[0] is None or texts[1] is None:
        return ComparedFile(path, what, kind, (), f"Not a text: {sizes}.")
    if max(len(texts[0]), len(texts[1])) > _MOST_LINES:
        return ComparedFile(path, what, kind, (), f"Too long to be compared here: {sizes}.")
    lines = list(difflib.unified_diff(texts[0], texts[1], lineterm="", n=3))[2:]
    return ComparedFile(path, what, kind, [(_kind(line), line) for line in lines])


def _kind(line: str) -> str:
    return {"+": "added", "-": "removed", "@": "place"}.get(line[:1], "")


def _rows(left: Mapping[str, str], right: Mapping[str, str]) -> list[ComparedRow]:
    return [ComparedRow(name, left.get(name, ""), right.get(name, "")) for name in {**left, **right}]


def _figures(version: Version) -> dict[str, str]:
    return {name: figure(value) for name, value in version.metrics.items()}


def _requirements(version: Version) -> dict[str, str]:
    found = {}
    for line in version.metadata.env.pip_packages:
        name, _, pinned = line.partition("==")
        found[name.strip()] = pinned or line
    return found


def _apis(version: Version) -> dict[str, str]:
    return {
        api.name: f"/{api.route}: {api.input_type} to {api.output_type}{', batch' if api.batch else ''}"
        for api in version.metadata.apis
    }


def _artifacts(version: Version) -> dict[str, str]:
    return {
        artifact.name: f"{artifact.artifact_type}, {size(sum(file.size_bytes for file in artifact.files))}"
        for artifact in version.metadata.artifacts
    }


def _environment(version: Version) -> dict[str, str]:
    env = version.metadata.env
    return {"Python": env.python_version, "Base image": env.docker_base_image}
