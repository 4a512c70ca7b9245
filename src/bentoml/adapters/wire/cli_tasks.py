"""Tasks of a command line, made as they are taken: a job may name more files than fit into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bentoml.types import InferenceTask


class CliTasks:
    """So many tasks, each made when its turn comes.

    Args:
        makers: one per task, in order.
    """

    def __init__(self, makers: Sequence[Callable[[], InferenceTask[Any]]]) -> None:
        self._makers = makers

    def __len__(self) -> int:
        return len(self._makers)

    def __iter__(self) -> Iterator[InferenceTask[Any]]:
        return (make() for make in self._makers)
