"""Several files per request, each by its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.form_input import BaseFormInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.adapters.form_input import Files
    from bentoml.types import FileLike, InferenceTask


class MultiFileInput(BaseFormInput):
    """Gives the user function a `FileLike` for each name: one list per name with `batch=True`, one file otherwise.

    Args:
        input_names: names of the form fields, in the order of the arguments.
        allow_none: whether a request may leave fields out, though not all of them; their arguments are then None.
        **base_config: see `BaseInputAdapter`.

    Raises:
        AssertionError: there are no names, or one of them twice.
    """

    def __init__(self, input_names: Sequence[str], allow_none: bool = False, **base_config: Any) -> None:
        super().__init__(input_names, **base_config)
        self.input_names = self._fields
        self.allow_none = allow_none

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "input_names": list(self.input_names), "allow_none": self.allow_none}

    def optional_fields(self) -> Sequence[str]:
        """All of them, or none."""
        return self._fields if self.allow_none else ()

    def check_files(self, files: Files) -> None:
        """Refuse a request that lacks a file, unless it may."""
        if not self.allow_none and None in files:
            raise self.missing_error()

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[FileLike | None], ...]:
        """One list of files for each name, not opened yet: a function that is called again finds them as they were."""
        requests: list[Any] = [task.data for task in tasks]
        rows = ([None if file is None else file.anew() for file in files] for files in requests)
        return tuple(map(list, zip(*rows, strict=True)))
