"""How an API is asked, as text to copy: made of the OpenAPI document that the bundle carries."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.yatai.server.web.foreign_values import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.service.metadata import ApiMetadata

_SERVER = "http://localhost:5000"
_LONGEST_BODY = 2_000
_LONGEST_SCHEMA = 20_000


@dataclass(frozen=True)
class ApiView:
    """One API on the page of its bundle; see `ApiMetadata` for what is not explained here.

    Attributes:
        curl: a request on the command line.
        python: the same with the library `requests`.
        schema: of request and answers, JSON.
        configuration: of its adapters, JSON.
    """

    name: str
    route: str
    docs: str
    batch: bool
    input_type: str
    output_type: str
    max_batch_size: int
    max_latency_ms: int
    curl: str
    python: str
    schema: str
    configuration: str


def view_api(api: ApiMetadata, document: Mapping[str, Any]) -> ApiView:
    """What the page shows of an API.

    Args:
        api: as the record has it.
        document: the OpenAPI document; one that says nothing of the API, or not in the expected form, gives a request
            of JSON.
    """
    operation = mapping(mapping(mapping(document.get("paths")).get(f"/{api.route}")).get("post"))
    content = mapping(mapping(operation.get("requestBody")).get("content"))
    media_type, body, is_file = _example(content)
    settings = {"input": api.input_config, "output": api.output_config}
    return ApiView(
        name=api.name,
        route=api.route,
        docs=api.docs,
        batch=api.batch,
        input_type=api.input_type,
        output_type=api.output_type,
        max_batch_size=api.mb_max_batch_size,
        max_latency_ms=api.mb_max_latency,
        curl=_curl(api.route, media_type, body, is_file),
        python=_python(api.route, media_type, body, is_file),
        schema=_schemas(content, mapping(operation.get("responses"))),
        configuration=_json({key: value for key, value in settings.items() if any(_set(value))}),
    )


def _set(value: Mapping[str, Any]) -> list[bool]:
    return [item is not None for item in value.values()]


def _example(content: Mapping[str, Any]) -> tuple[str, str, bool]:
    """Media type, body, and whether the body is the name of a file."""
    for media_type, value in content.items():
        example = mapping(value).get("example")
        if example is not None and isinstance(media_type, str):
            text = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
            if len(text) <= _LONGEST_BODY:
                return media_type, text, False
    if "application/json" in content or not content:
        return "application/json", "{}", False
    return str(next(iter(content))), "input.bin", True


def _curl(route: str, media_type: str, body: str, is_file: bool) -> str:
    address = shlex.quote(f"{_SERVER}/{route}")
    if media_type.startswith("multipart/"):
        return f"curl -X POST {address} \\\n  -F {shlex.quote('file=@' + body)}"
    data = f"--data-binary {shlex.quote('@' + body)}" if is_file else f"--data-raw {shlex.quote(body)}"
    return f"curl -X POST {address} \\\n  -H {shlex.quote('Content-Type: ' + media_type)} \\\n  {data}"


def _python(route: str, media_type: str, body: str, is_file: bool) -> str:
    address = repr(f"{_SERVER}/{route}")
    if media_type.startswith("multipart/"):
        call = f'files={{"file": open({body!r}, "rb")}}'
    elif is_file:
        call = f'data=open({body!r}, "rb"), headers={{"Content-Type": {media_type!r}}}'
    elif media_type == "application/json":
        call = f"json={json.loads(body)!r}"
    else:
        call = f'data={body!r}.encode(), headers={{"Content-Type": {media_type!r}}}'
    return f"import requests\n\nanswer = requests.post({address}, {call})\nprint(answer.status_code, answer.text)"


def _schemas(content: Mapping[str, Any], responses: Mapping[str, Any]) -> str:
    request = {media_type: mapping(value).get("schema") for media_type, value in content.items()}
    answers = {
        status: {media_type: mapping(each).get("schema") for media_type, each in _content(value).items()}
        for status, value in responses.items()
        if _content(value)
    }
    if not request and not answers:
        return ""
    text = _json({"request": request, "responses": answers})
    return text if len(text) <= _LONGEST_SCHEMA else ""


def _content(response: object) -> Mapping[str, Any]:
    return mapping(mapping(response).get("content"))


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
