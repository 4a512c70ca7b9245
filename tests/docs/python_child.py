"""A Python session in a process of its own: takes one JSON request a line, answers one a line.

Request: `{"kind": "python" | "pycon", "source": str, "name": str}`. Answer: `{"problem": str}`, empty when all is well.
Names that one request defines are there for the next one, as in a notebook.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import sys
import traceback
from typing import Any

NAMES: dict[str, Any] = {"__name__": "__main__"}


def run_python(source: str, name: str) -> str:
    """Executes statements; returns the traceback, if any."""
    try:
        exec(compile(source, name, "exec"), NAMES)  # the code under test is a page of this repository
    except Exception:  # noqa: BLE001 - whatever it is, the page is wrong: report it to the test
        return traceback.format_exc()
    return ""


def run_examples(source: str, name: str) -> str:
    """Executes prompts and compares what they print; returns the report of the differences."""
    test = doctest.DocTestParser().get_doctest(source, {}, name, name, 0)
    test.globs = NAMES
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    runner.run(test, out=report.write, clear_globs=False)
    return report.getvalue()


def main() -> None:
    """Serves requests until standard input ends; what the examples print themselves goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.insert(0, "")
    for line in sys.stdin:
        request = json.loads(line)
        run = run_python if request["kind"] == "python" else run_examples
        with contextlib.redirect_stdout(sys.stderr) if run is run_python else contextlib.nullcontext():
            problem = run(request["source"], request["name"])
        answers.write(json.dumps({"problem": problem}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
