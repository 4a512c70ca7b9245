"""JSON bodies as Python objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.text_input import BaseTextInput
from bentoml.adapters.wire.json_text import parse_json
from bentoml.adapters.wire.media_types import JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceTask

EXAMPLE = {"key": "value"}


class JsonInput(BaseTextInput):
    """Parses each request body as one JSON value.

    The user function gets a list of values with `batch=True`, one value otherwise. The content type of the request is
    not looked at, apart from its charset.
    """

    BATCH_MODE_SUPPORTED: ClassVar[bool] = True
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True

    @property
    def request_schema(self) -> dict[str, Any]:
        """One JSON object."""
        return {JSON: {"schema": {"type": "object"}, "example": EXAMPLE}}

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any]]:
        """Parse each body; those that are not JSON are discarded with status 400."""
        values = [_parse(task) for task in tasks]
        return ([value for value, task in zip(values, tasks, strict=True) if not task.is_discarded],)


def _parse(task: InferenceTask[Any]) -> Any:
    try:
        return parse_json(task.data or "")
    except ValueError:
        task.discard(http_status=400, err_msg="Not a valid JSON format")
        return None
