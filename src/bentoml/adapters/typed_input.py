"""Bodies as values of the types that a function's parameters have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.body_input import BaseBodyInput
from bentoml.adapters.errors import InputError
from bentoml.adapters.text_input import decode_text, file_charset
from bentoml.adapters.typed.bodies import FormBody, PackedBody
from bentoml.adapters.typed.form_fields import args_of_form, is_file, item_of
from bentoml.adapters.typed.opened_images import OpenedImages, max_decoded_bytes, opening_images
from bentoml.adapters.typed.refusals import refusal
from bentoml.adapters.typed.values import NO_DEFAULT, OneValue, ValueForEach, example_for
from bentoml.adapters.wire.media_objects import binary_body, binary_schema
from bentoml.adapters.wire.media_types import FORM_CONTENT_TYPE, JSON, MSGPACK, canonical, type_of_file
from bentoml.exceptions import BadInput
from bentoml.types import HTTPHeaders, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bentoml.adapters.typed.definitions import Schema
    from bentoml.types import HTTPRequest

_PLAIN_JSON = (JSON, None)
_UTF8_NAMES = frozenset({None, "utf-8", "utf8", "UTF-8", "UTF8"})
# Under this name values and their images ride on a task from `group_tasks` to `extract_user_func_args`.
_OPENED = "_bentoml_opened"


class TypedInput(BaseBodyInput):
    """Validates each request against the types of a function, and converts it to them.

    A body is MessagePack when its content type says so, otherwise JSON. Several parameters are an object with their
    names as keys, or a form with fields of these names.

    Args:
        values: what a request holds.
        **base_config: see `BaseInputAdapter`.
    """

    BATCH_MODE_SUPPORTED: ClassVar[bool] = True
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True

    def __init__(self, values: OneValue | ValueForEach, **base_config: Any) -> None:
        super().__init__(**base_config)
        self.values = values
        self._holds_images = any(one.is_image for one in values.libraries())

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, **self.values.description}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of the types of libraries."""
        adapters = [one.make_input(None) for one in self.values.libraries()]
        models = ["pydantic"] if self.values.has_models() else []
        return sorted({*models, *(one for adapter in adapters for one in adapter.pip_dependencies)})

    def prepare(self) -> None:
        """Load what values of libraries need."""
        for one in self.values.libraries():
            one.make_input(None).prepare()

    @property
    def request_schema(self) -> dict[str, Any]:
        """The schema of the value, or of the object with the parameters, which may also be a form.

        What MessagePack holds is the same; tools that read schemas cannot write it.
        """
        schema = self.values.schema()
        media: dict[str, Any] = {"schema": schema}
        example = example_for(self.values)
        if example is not NO_DEFAULT:
            media["example"] = example
        found = {JSON: media, MSGPACK: binary_body()}
        if isinstance(self.values, ValueForEach):
            found[FORM_CONTENT_TYPE] = {"schema": self._form_schema(schema, self.values)}
        return found

    def _form_schema(self, schema: Schema, values: ValueForEach) -> Schema:
        files = {one.name: _form_field(one.hint, schema["properties"][one.name]) for one in values.parameters}
        return {**schema, "properties": files}

    def file_content_type(self, file_name: str, given: str) -> str:
        """MessagePack or JSON, by content type or else by extension."""
        return given if canonical(given) in {JSON, MSGPACK} else type_of_file(file_name) or given

    def from_http_request(self, req: HTTPRequest) -> InferenceTask[Any]:
        """Keep the body, or the fields of a form when there are several parameters."""
        kind = req.headers.content_type_and_charset
        is_form = kind[0] == FORM_CONTENT_TYPE and isinstance(self.values, ValueForEach)
        if kind != _PLAIN_JSON and not is_form:
            return super().from_http_request(req)
        task: InferenceTask[Any] = InferenceTask.of_request(req)
        if not is_form:
            # The most common of all, which takes no more than this.
            task.data = req.body
            return task
        try:
            task.data = FormBody(req.form_parts())
        except BadInput as error:
            task.discard(http_status=400, err_msg=refusal("$", str(error)))
        return task

    def from_cli(self, cli_args: Sequence[str]) -> Iterable[InferenceTask[Any]]:
        """Make one task per value or file; the extension `.msgpack` says what a file is."""

        def headers(file_name: str | None) -> HTTPHeaders:
            return HTTPHeaders([("Content-Type", type_of_file(file_name or "") or JSON)])

        return self._cli_tasks(cli_args, headers)

    def fill(self, task: InferenceTask[Any], content: bytes, charset: str | None, file_name: str | None) -> None:
        """Keep the content, as UTF-8 where it is text."""
        if canonical(task.http_headers.content_type) == MSGPACK:
            task.data = PackedBody(content)
            return
        charset = charset or file_charset(task, content, file_name)
        task.data = content if charset in _UTF8_NAMES else decode_text(content, charset).encode()

    def group_tasks(self, tasks: Sequence[InferenceTask[Any]]) -> list[list[InferenceTask[Any]]]:
        """Part the tasks so that the images of each group fit into memory; without images, leave them together."""
        if not self._holds_images:
            return [list(tasks)]
        groups: list[list[InferenceTask[Any]]] = []
        left = -1
        for task in tasks:
            try:
                _, images = vars(task)[_OPENED] = self._open(task)
            except InputError as error:
                _refuse(task, error)
                continue
            if images.size_bytes > left:
                groups.append([])
                left = max_decoded_bytes()
            groups[-1].append(task)
            left -= images.size_bytes
        return groups

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any], ...]:
        """One list per parameter; requests that do not fit are discarded with status 400."""
        rows = [row for row in map(self._args, tasks) if row is not None]
        return tuple(map(list, zip(*rows, strict=True)))

    def extract_single_args(self, task: InferenceTask[Any]) -> tuple[Any, ...]:
        """The arguments of one request."""
        return self._args(task) or ()

    def _args(self, task: InferenceTask[Any]) -> tuple[Any, ...] | None:
        try:
            if not self._holds_images:
                return self._decode(task.data)
            # What was made is used once: the user function may change it.
            args, images = vars(task).pop(_OPENED, None) or self._open(task)
            images.load()
        except InputError as error:
            _refuse(task, error)
            return None
        return args

    def _open(self, task: InferenceTask[Any]) -> tuple[tuple[Any, ...], OpenedImages]:
        with opening_images() as images:
            return self._decode(task.data), images

    def _decode(self, content: Any) -> tuple[Any, ...]:
        values = self.values
        if isinstance(content, bytes):
            return values.args(values.decoder.of_json(content))
        if isinstance(content, PackedBody):
            return values.args(values.decoder.of_msgpack(content.content))
        assert isinstance(values, ValueForEach)
        return args_of_form(values, content.parts)


def _form_field(hint: Any, schema: Schema) -> Schema:
    if is_file(hint):
        return binary_schema()
    item = item_of(hint)
    return {"type": "array", "items": binary_schema()} if item is not None and is_file(item) else schema


def _refuse(task: InferenceTask[Any], error: InputError) -> None:
    task.discard(http_status=error.status_code, err_msg=str(error), http_headers=error.http_headers)
