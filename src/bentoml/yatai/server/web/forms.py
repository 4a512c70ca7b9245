"""Forms that a page sends."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument
from bentoml.yatai.server.routes import FORM

if TYPE_CHECKING:
    from bentoml.yatai.server.call import Call

_MOST_BYTES = 64 * 1024
_MOST_FIELDS = 100


async def read_form(call: Call) -> dict[str, str]:
    """The fields of a form; of several with one name the last.

    Raises:
        RequestRefused: it is no form, or too large.
        InvalidArgument: it cannot be read.
    """
    body = await call.whole_body(FORM, "a form", _MOST_BYTES)
    try:
        fields = urllib.parse.parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise InvalidArgument(f"The form cannot be read: {error}") from error
    return dict(fields)
