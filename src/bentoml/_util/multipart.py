"""Bodies of `multipart/form-data`: several named values and files in one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.exceptions import BadInput

if TYPE_CHECKING:
    from email.message import Message

FORM_CONTENT_TYPE = "multipart/form-data"

# A form with more parts, or a part with longer headers, costs much more to take apart than its size says.
MAX_PARTS = 1000
MAX_HEADER_BYTES = 16 * 1024


@dataclass(frozen=True)
class FormPart:
    """One field of a form.

    Attributes:
        name: name of the field; empty when it has none.
        file_name: name of the file that was sent; None where the field is a plain value.
        content_type: media type of the content as the client gave it, lower case; empty when not given.
        charset: charset of the content; None when not given.
        content: the bytes of the value or file.
    """

    name: str
    file_name: str | None
    content_type: str
    charset: str | None
    content: bytes


def parse_form(content_type: str, body: bytes) -> list[FormPart]:
    """Take a form apart.

    Args:
        content_type: the header of the request, with its `boundary`.
        body: the whole form, not compressed.

    Returns:
        Its fields, in order.

    Raises:
        BadInput: it is not a form, or has more than `MAX_PARTS` fields.
    """
    boundary = _headers(f"Content-Type: {content_type}".encode("utf-8", "replace")).get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise BadInput(f"the content type {FORM_CONTENT_TYPE} has no boundary")
    # The first boundary has no line end before it, unless some text that nobody reads stands there.
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("utf-8", "replace"), MAX_PARTS + 1)
    if len(pieces) > MAX_PARTS + 1 and not pieces[-1].startswith(b"--"):
        raise BadInput(f"the form has more than {MAX_PARTS} fields")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BadInput("the form is cut short or does not have the boundary that its content type names")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> FormPart:
    line_end, start, rest = piece.partition(b"\r\n")
    head, separator, content = (start + rest).partition(b"\r\n\r\n")
    if line_end.strip(b" \t") or not separator:
        raise BadInput("a field of the form has no headers")
    if len(head) > MAX_HEADER_BYTES:
        raise BadInput(f"a field of the form has headers of more than {MAX_HEADER_BYTES} bytes")
    headers = _headers(head)
    name = headers.get_param("name", "", "content-disposition")
    charset = headers.get_param("charset")
    return FormPart(
        name=name if isinstance(name, str) else name[2],
        file_name=headers.get_filename(),
        content_type=headers.get_content_type() if "content-type" in headers else "",
        charset=charset if isinstance(charset, str) else None,
        content=content,
    )


def _headers(head: bytes) -> Message:
    from email.parser import HeaderParser

    # Browsers send names that are not ASCII as they are, in UTF-8.
    return HeaderParser().parsestr(head.decode("utf-8", "replace").lstrip("\r\n"))
