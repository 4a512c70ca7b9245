"""Text bodies as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.text_input import BaseTextInput
from bentoml.adapters.wire.media_objects import one_file_form
from bentoml.adapters.wire.media_types import FORM_CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceTask

EXAMPLE = "text"


class StringInput(BaseTextInput):
    """Gives the user function the text of each request: a list of them with `batch=True`, one text otherwise.

    The charset of the content type says how to decode it; UTF-8 when it names none.
    """

    BATCH_MODE_SUPPORTED: ClassVar[bool] = True
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True

    @property
    def request_schema(self) -> dict[str, Any]:
        """Any text, or a form with one file of it."""
        return {
            "*/*": {"schema": {"type": "string"}, "example": EXAMPLE},
            FORM_CONTENT_TYPE: one_file_form(),
        }

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any]]:
        """The texts."""
        return ([task.data for task in tasks],)
