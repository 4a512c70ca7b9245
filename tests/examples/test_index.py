"""The index of the examples names each of them, and each is small, explained and tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.test_pages import NEEDS
from tests.examples.example import EXAMPLES

INDEX = (EXAMPLES / "README.md").read_text(encoding="utf-8")
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__")
SERVICE_LINES, TRAINING_LINES = 40, 50


def test_index_names_every_example_and_nothing_else() -> None:
    assert sorted(re.findall(r"^\| \[[\w -]+\]\((\w+)/README\.md\)", INDEX, re.MULTILINE)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_example_is_small_explained_and_tested(name: str) -> None:
    files = {path.name: path for path in (EXAMPLES / name).iterdir() if path.name != "__pycache__"}
    page = files.pop("README.md").read_text(encoding="utf-8")
    for file, path in files.items():
        text = path.read_text(encoding="utf-8")
        limit = TRAINING_LINES if '__name__ == "__main__"' in text else SERVICE_LINES
        assert (path.suffix, text.count("\n") <= limit) == (".py", True), file
    assert "```console\n$ python " in page
    assert "$ curl " in page
    tests = Path(__file__).with_name(f"test_{name}.py").read_text(encoding="utf-8")
    assert f'train("{name}", ' in tests
    assert re.findall(r'pytest\.mark\.environment\("(\w+)"\)', tests) == NEEDS.findall(page)


@pytest.mark.parametrize("name", NAMES)
def test_index_says_of_an_example_what_its_page_says(name: str) -> None:
    title = (EXAMPLES / name / "README.md").read_text(encoding="utf-8").split("\n")[0].removeprefix("# ")
    assert f"[{title}]({name}/README.md)" in INDEX
