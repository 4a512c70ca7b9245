from __future__ import annotations

import shlex
import subprocess
import sys
from typing import Any

import pytest

from bentoml.service.metadata import ApiMetadata
from bentoml.yatai.server.web.request_examples import view_api

API = ApiMetadata("predict", "DataframeInput", batch=True)


def document(content: dict[str, Any]) -> dict[str, Any]:
    return {"paths": {"/predict": {"post": {"requestBody": {"content": content}}}}}


def test_the_example_of_the_document_is_the_body() -> None:
    view = view_api(API, document({"text/csv": {}, "application/json": {"example": [[1.5, None, True]]}}))
    assert shlex.split(view.curl.replace("\\\n", "")) == [
        "curl",
        "-X",
        "POST",
        "http://localhost:5000/predict",
        "-H",
        "Content-Type: application/json",
        "--data-raw",
        "[[1.5, null, true]]",
    ]
    assert "json=[[1.5, None, True]]" in view.python


def test_binary_bodies_come_from_a_file() -> None:
    view = view_api(API, document({"image/png": {"schema": {"type": "string"}}}))
    assert "--data-binary @input.bin" in view.curl
    assert "'Content-Type: image/png'" in view.curl


def test_forms_are_sent_as_forms() -> None:
    view = view_api(API, document({"multipart/form-data": {}}))
    assert "-F file=@input.bin" in view.curl
    assert "files=" in view.python


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        {"paths": []},
        {"paths": {"/predict": 3}},
        {"paths": {"/predict": {"post": {"requestBody": {"content": [1]}}}}},
        {"paths": {"/predict": {"post": {"requestBody": {"content": {"application/json": 7}}, "responses": "x"}}}},
    ],
)
def test_a_document_of_any_form_gives_a_request(hostile: Any) -> None:
    view = view_api(API, hostile if isinstance(hostile, dict) else {})
    assert "http://localhost:5000/predict" in view.curl
    compile(view.python, "example", "exec")


def test_hostile_names_stay_one_word_of_the_shell(tmp_path: Any) -> None:
    route, media_type = "x';touch pwned;'$(touch pwned)", "a/b'\n;touch pwned;`touch pwned`"
    view = view_api(
        ApiMetadata("predict", "X", route=route),
        {"paths": {f"/{route}": {"post": {"requestBody": {"content": {media_type: {"example": "$(touch pwned)'"}}}}}}},
    )
    command = view.curl.replace("curl ", f"{shlex.quote(sys.executable)} -c 'import sys; print(len(sys.argv))' ", 1)
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), list(tmp_path.iterdir())) == ("8", [])
    compile(view.python, "example", "exec")


def test_schemas_and_configuration_are_shown() -> None:
    described = document({"application/json": {"schema": {"type": "array"}}})
    described["paths"]["/predict"]["post"]["responses"] = {
        "200": {"content": {"application/json": {"schema": {"type": "number"}}}},
        "400": {"description": "bad"},
    }
    view = view_api(ApiMetadata("predict", "X", input_config={"orient": "records", "typ": None}), described)
    assert '"type": "array"' in view.schema
    assert '"400"' not in view.schema
    assert '"orient": "records"' in view.configuration
    assert view_api(ApiMetadata("predict", "X", input_config={"typ": None}), described).configuration == ""
