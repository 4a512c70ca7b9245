"""Forms as a real client writes them."""

from __future__ import annotations

from typing import Any

import httpx

from bentoml.types import HTTPRequest

BOUNDARY = "one-boundary-for-all-tests"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def form_body(**form: Any) -> bytes:
    """The body of a form; the arguments are those of httpx: `files`, `data`."""
    return httpx.Request("POST", "http://localhost/", headers={"Content-Type": FORM}, **form).read()


def form_request(**form: Any) -> HTTPRequest:
    """A request with a form as its body."""
    return HTTPRequest({"Content-Type": FORM}, form_body(**form))
