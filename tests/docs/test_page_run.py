"""The runner of the documentation itself: it notices when a page and the product disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import Block, Command, read_blocks, read_commands
from tests.docs.page_run import PageError, PageRun, output_matches

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
# A page

```{code-block} python
:caption: pkg/mod.py

x = 1
```

```python
# top.py
y = 2
```

Text.

```console
$ true
```

*Not run by the tests: it needs
a container engine.*

```console
$ docker ps
```

:::{tip}
```json
{}
```
:::

````{note}
```text
inside
```
````
"""


def test_read_blocks_of_a_page_finds_titles_reasons_and_lines() -> None:
    assert list(read_blocks(PAGE)) == [
        Block("python", "x = 1\n", 3, "pkg/mod.py"),
        Block("python", "# top.py\ny = 2\n", 9, "top.py"),
        Block("console", "$ true\n", 16),
        Block("console", "$ docker ps\n", 23, None, "it needs a container engine."),
        Block("json", "{}\n", 28),
        Block("text", "inside\n", 34),
    ]


def test_read_commands_with_output_and_continued_line_keeps_both() -> None:
    text = "$ echo a \\\n    b\na b\n$ true\n"
    assert read_commands(text) == [Command("echo a \\\n    b", "a b\n"), Command("true", "")]


def test_read_commands_without_prompt_is_an_error() -> None:
    with pytest.raises(ValueError, match="starts with a command"):
        read_commands("echo a\n")


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        pytest.param("[0]\n", "[0]", True, id="same"),
        pytest.param("[0]\n", "[1]", False, id="different"),
        pytest.param("A   B\n", "A B\n", True, id="blanks"),
        pytest.param("saved: ...\n", "saved: /tmp/x\nmore\n", True, id="ellipsis"),
        pytest.param("A:20210315141834_08BDA2", "A:20241231235959_FFFFFF", True, id="versions"),
        pytest.param("A  3 seconds", "A  0.4 seconds", True, id="ages"),
        pytest.param("A  3 seconds", "A  3 days", False, id="other ages"),
        pytest.param("[2024-05-17 10:15:00,731] INFO", "[2026-01-02 03:04:05,678] INFO", True, id="times"),
        pytest.param("...saved\n", "log\nlost\n", False, id="ellipsis without a match"),
    ],
)
def test_output_matches_by_table(shown: str, printed: str, expected: bool) -> None:
    assert output_matches(shown, printed) is expected


GOOD = [
    pytest.param(
        [Block("console", "$ export A=1\n$ cd /\n$ echo $A $PWD\n1 /\n$ cd - >/dev/null; basename $PWD\nwork\n", 1)],
        id="shell state lasts",
    ),
    pytest.param([Block("console", "$ A=1\n$ echo $A\n1\n", 1)], id="variables that are not exported last"),
    pytest.param([Block("python", "x = 1\n", 1), Block("pycon", ">>> x\n1\n", 2)], id="one python session"),
    pytest.param([Block("python", "y = 3\n", 1, "m.py"), Block("pycon", ">>> import m; m.y\n3\n", 2)], id="a file"),
    pytest.param([Block("console", "$ echo Error: no; false\nError: no\n", 1)], id="a shown error"),
    pytest.param([Block("yaml", "a: 1\n", 1), Block("json", "{}\n", 1), Block("text", "-", 1)], id="data"),
    pytest.param([Block("console", "$ false\n", 1, None, "a reason")], id="not run"),
]


@pytest.mark.parametrize("blocks", GOOD)
def test_run_block_on_an_honest_page_passes(tmp_path: Path, blocks: list[Block]) -> None:
    with PageRun(tmp_path) as run:
        for block in blocks:
            run.run_block(block)


BAD = [
    pytest.param(Block("console", "$ false\n", 1), id="a command that fails"),
    pytest.param(Block("console", "$ echo a\nb\n", 1), id="other output"),
    pytest.param(Block("console", "$ echo Error: no\nError: no\n", 1), id="an error that is none"),
    pytest.param(Block("python", "1 / 0\n", 1), id="an exception"),
    pytest.param(Block("pycon", ">>> 1\n2\n", 1), id="another value"),
    pytest.param(Block("python", "", 1, "../out.py"), id="a file outside"),
    pytest.param(Block("bash", "true\n", 1), id="an unknown language"),
    pytest.param(Block("console", "$ bentoml serve nothing:here\n", 1), id="a server that does not start"),
]


@pytest.mark.parametrize("block", BAD)
def test_run_block_on_a_dishonest_page_fails(tmp_path: Path, block: Block) -> None:
    with pytest.raises(PageError), PageRun(tmp_path) as run:
        run.run_block(block)


def test_command_when_it_does_not_end_says_which_and_what_it_has_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.docs.page_run.COMMAND_LIMIT_S", 1.0)
    block = Block("console", "$ echo begun; sleep 100 | cat\n", 1)
    with PageRun(tmp_path) as run, pytest.raises(PageError, match=r"sleep 100 \| cat\ndid not end within 1 .*\nbegun"):
        run.run_block(block)
