"""JSON and MessagePack bodies as Python objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.text_input import BaseTextInput
from bentoml.adapters.wire.cli_args import read_format
from bentoml.adapters.wire.json_text import parse_json
from bentoml.adapters.wire.media_objects import binary_body
from bentoml.adapters.wire.media_types import JSON, MSGPACK, canonical, type_of_file
from bentoml.adapters.wire.msgpack_body import parse_msgpack
from bentoml.types import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bentoml.types import InferenceTask

# What a function looks for in an object, nobody else knows.
EXAMPLE: dict[str, Any] = {}


class JsonInput(BaseTextInput):
    """Parses each request body as one value: of MessagePack where the content type says so, else of JSON.

    The user function gets a list of values with `batch=True`, one value otherwise.
    """

    BATCH_MODE_SUPPORTED: ClassVar[bool] = True
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True

    @property
    def request_schema(self) -> dict[str, Any]:
        """One JSON object, or what corresponds to it."""
        return {
            JSON: {"schema": {"type": "object"}, "example": EXAMPLE},
            MSGPACK: binary_body(),
        }

    def fill(self, task: InferenceTask[Any], content: bytes, charset: str | None, file_name: str | None) -> None:
        """Decode JSON; keep the bytes of MessagePack."""
        media_type = task.http_headers.content_type_and_charset[0]
        if media_type != JSON and canonical(media_type) == MSGPACK:
            task.data = content
        else:
            super().fill(task, content, charset, file_name)

    def file_content_type(self, file_name: str, given: str) -> str:
        """MessagePack by content type or extension; all else is JSON."""
        is_named = canonical(given) not in {JSON, MSGPACK} and type_of_file(file_name) == MSGPACK
        return MSGPACK if is_named else given

    def from_cli(self, cli_args: Sequence[str]) -> Iterable[InferenceTask[Any]]:
        """Make one task per value or file; `--format` says what they are, else the extension does."""
        given = read_format(cli_args, ("json", "msgpack"))

        def headers(file_name: str | None) -> HTTPHeaders:
            is_msgpack = given == "msgpack" if given else type_of_file(file_name or "") == MSGPACK
            return HTTPHeaders([("Content-Type", MSGPACK)] if is_msgpack else [])

        return self._cli_tasks(cli_args, headers)

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any]]:
        """Parse each body; those that cannot be parsed are discarded with status 400."""
        values = [_parse(task) for task in tasks]
        return ([value for value, task in zip(values, tasks, strict=True) if not task.is_discarded],)


def _parse(task: InferenceTask[Any]) -> Any:
    data = task.data
    try:
        return parse_msgpack(data) if isinstance(data, bytes) else parse_json(data or "")
    except ValueError:
        name = "MessagePack" if isinstance(data, bytes) else "JSON"
        task.discard(http_status=400, err_msg=f"Not a valid {name} format")
        return None
