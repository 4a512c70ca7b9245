"""A plan as files: what a person can look at, keep, change and carry out without this library."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from bentoml._util.files import staged_directory, write_atomic
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bentoml.deploy.plans.plan import Plan

SCRIPT = "steps.sh"
STEPS = "steps.json"
_HEAD = "#!/bin/sh\n# Carries the plan out; run it in this directory.\nset -eux\n"


def write_files(files: Mapping[str, str], directory: Path) -> None:
    """Write the files of a plan into a directory, which is there."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def write_plan(plan: Plan, directory: Path) -> None:
    """Write the files of a plan and, when it has steps, these as `steps.json` and `steps.sh`.

    Args:
        plan: what will be done.
        directory: is made; an empty one may exist.

    Raises:
        BentoMLException: the directory exists and is not empty, or cannot be made.
    """
    target = directory.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with staged_directory(target) as staging:
            write_files(plan.files, staging)
            if plan.steps:
                write_atomic(staging / STEPS, json.dumps(_steps(plan), indent=2) + "\n")
                write_atomic(staging / SCRIPT, _script(plan), executable=True)
    except OSError as error:
        is_taken = isinstance(error, FileExistsError) and target.exists()
        reason = "exists and is not empty" if is_taken else f"cannot be made: {error.strerror}"
        raise BentoMLException(f"{directory} {reason}; give another directory") from error


def _steps(plan: Plan) -> list[dict[str, object]]:
    return [
        {
            "title": step.title,
            "lines": list(step.lines()),
            "creates": [resource.to_json() for resource in step.creates],
        }
        for step in plan.steps
    ]


def _script(plan: Plan) -> str:
    lines = [line for step in plan.steps for line in (f": {shlex.quote(step.title)}", *step.lines())]
    return _HEAD + "\n".join(lines) + "\n"
