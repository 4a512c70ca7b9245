"""Whole bodies as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.file_input import FileInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceTask


class BytesInput(FileInput):
    """Gives the user function the bytes of each request: a list of them with `batch=True`, `bytes` otherwise.

    Requests are those of `FileInput`; the name of a file is lost.
    """

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any], ...]:
        """The contents of the files."""
        (files,) = super().extract_user_func_args(tasks)
        return ([file.bytes_ for file in files],)
