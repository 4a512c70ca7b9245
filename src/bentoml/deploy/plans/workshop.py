"""Where the steps of a plan are carried out."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.deploy.plans.plan_files import write_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def unheard(text: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Workshop:
    """What steps work with.

    Attributes:
        directory: has the files of the plan.
        say: takes a line about what goes on, for whoever watches.
    """

    directory: Path
    say: Callable[[str], None] = unheard


@contextmanager
def open_workshop(files: Mapping[str, str], say: Callable[[str], None] = unheard) -> Iterator[Workshop]:
    """A workshop with some files, which only this user can read and which are gone after the block."""
    with tempfile.TemporaryDirectory(prefix="bentoml-deploy-") as directory:
        write_files(files, Path(directory))
        yield Workshop(Path(directory), say)
