"""The exceptions behind answers, for whoever wants them; nobody pays for them otherwise."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_notes: ContextVar[dict[str, BaseException] | None] = ContextVar("bentoml_failure_notes", default=None)


@contextmanager
def noted_failures() -> Iterator[dict[str, BaseException]]:
    """Collect the exceptions of the requests that are answered in the block, by task id."""
    notes: dict[str, BaseException] = {}
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def note_failure(task_id: str, error: BaseException) -> None:
    """A request is refused because of an exception; nothing happens when nobody collects them."""
    notes = _notes.get()
    if notes is not None:
        notes[task_id] = error
