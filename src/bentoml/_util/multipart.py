"""Bodies of `multipart/form-data` (RFC 7578): several named values and files in one request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from bentoml.exceptions import BadInput

FORM_CONTENT_TYPE = "multipart/form-data"

# A form with more parts, or a part with longer headers, costs much more to take apart than its size says.
MAX_PARTS = 1000
MAX_HEADER_BYTES = 16 * 1024
MAX_HEADER_BYTES_OF_ALL = 1024 * 1024
# RFC 2046 allows 70.
MAX_BOUNDARY_CHARACTERS = 200

_PARAMETER = re.compile(r';[ \t]*([^=;\s"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))')
_ESCAPE = re.compile(r'\\(["\\])')
_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f]")
_FOLD = re.compile(r"\r\n(?=[ \t])")
# Names of encodings in which content stands as it is.
_AS_IT_IS = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True)
class FormPart:
    """One field of a form.

    Attributes:
        name: name of the field; empty when it has none.
        file_name: name of the file that was sent, as the client gave it, path and all; None where the field is a plain
            value.
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
    """Take a form apart, in time that grows with its size, copying the content of each field once.

    Args:
        content_type: the header of the request, with its `boundary`.
        body: the whole form, not compressed.

    Returns:
        Its fields, in order.

    Raises:
        BadInput: it is not a form, or has more than `MAX_PARTS` fields.
    """
    delimiter = b"--" + _boundary(content_type)
    separator = b"\r\n" + delimiter
    parts: list[FormPart] = []
    header_bytes = 0
    # The first boundary has no line end before it, unless some text that nobody reads stands there.
    place = 0 if body.startswith(delimiter) else body.find(separator) + 2
    if not body.startswith(delimiter, place):
        raise BadInput("the form is cut short or does not have the boundary that its content type names")
    place += len(delimiter)
    while not body.startswith(b"--", place):
        if len(parts) == MAX_PARTS:
            raise BadInput(f"the form has more than {MAX_PARTS} fields")
        end = body.find(separator, place)
        if end < 0:
            raise BadInput("the form is cut short")
        parts.append(_part(body, place, end))
        header_bytes += end - place - len(parts[-1].content)
        if header_bytes > MAX_HEADER_BYTES_OF_ALL:
            raise BadInput(f"the fields of the form have headers of more than {MAX_HEADER_BYTES_OF_ALL} bytes together")
        place = end + len(separator)
    return parts


def _boundary(content_type: str) -> bytes:
    _, parameters = _value_and_parameters(content_type)
    boundary = parameters.get("boundary", "")
    if not boundary or not boundary.isascii():
        raise BadInput(f"the content type {FORM_CONTENT_TYPE} has no boundary")
    if len(boundary) > MAX_BOUNDARY_CHARACTERS:
        raise BadInput(f"the boundary of the form is longer than {MAX_BOUNDARY_CHARACTERS} characters")
    return boundary.encode("ascii")


def _part(body: bytes, start: int, end: int) -> FormPart:
    """Read a field.

    Args:
        body: the form.
        start: where the boundary before it ends.
        end: where the line end begins that belongs to the boundary after it.
    """
    limit = start + MAX_HEADER_BYTES
    head_start = body.find(b"\r\n", start, min(end, limit))
    # Blanks may follow a boundary on its line.
    if head_start < 0 or body[start:head_start].strip(b" \t"):
        raise BadInput("a field of the form has no headers")
    head_end = body.find(b"\r\n\r\n", head_start, min(end, limit + 4))
    if head_end < 0:
        if end > limit:
            raise BadInput(f"a field of the form has headers of more than {MAX_HEADER_BYTES} bytes")
        raise BadInput("a field of the form has no headers")
    headers = _headers(body[head_start + 2 : head_end])
    if headers.get("content-transfer-encoding", "").strip().lower() not in _AS_IT_IS:
        raise BadInput("a field of the form has a Content-Transfer-Encoding; send its content as it is")
    _, names = _value_and_parameters(headers.get("content-disposition", ""))
    media_type, parameters = _value_and_parameters(headers.get("content-type", ""))
    return FormPart(
        name=names.get("name", ""),
        file_name=names.get("filename"),
        content_type=media_type,
        charset=parameters.get("charset"),
        content=body[head_end + 4 : end],
    )


def _headers(head: bytes) -> dict[str, str]:
    """The headers of a field by their names in lower case; of several with one name, the first."""
    headers: dict[str, str] = {}
    # Browsers send names that are not ASCII as they are, in UTF-8.
    for line in _FOLD.sub("", head.decode("utf-8", "replace")).split("\r\n"):
        if _CONTROL.search(line):
            raise BadInput("a field of the form has headers with control characters")
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value)
    return headers


def _value_and_parameters(header: str) -> tuple[str, dict[str, str]]:
    """A header such as `text/plain; charset=utf-8`: the value in lower case, and its parameters.

    Of several parameters with one name the first counts, and `name*`, which says its encoding (RFC 5987), before it.
    """
    value, semicolon, _ = header.partition(";")
    parameters: dict[str, str] = {}
    extended: dict[str, str] = {}
    if semicolon:
        for name, quoted, plain in _PARAMETER.findall(header, len(value)):
            text = _ESCAPE.sub(r"\1", quoted) if quoted else plain.rstrip()
            if name.endswith("*"):
                extended.setdefault(name[:-1].lower(), text)
            else:
                parameters.setdefault(name.lower(), text)
    for name, text in extended.items():
        charset, _, rest = text.partition("'")
        _, quote, encoded = rest.partition("'")  # what stands between is a language
        if quote and charset.lower() in {"utf-8", "iso-8859-1"}:
            parameters[name] = unquote(encoded, charset)
            if _CONTROL.search(parameters[name]):
                raise BadInput("a field of the form has a name with control characters")
    return value.strip().lower(), parameters
