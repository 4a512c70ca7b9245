"""Arrow IPC bodies: streams, and files, which are streams between two marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.arrow_messages import MAX_MESSAGES, decoded_bytes
from bentoml.adapters.table.arrow_table import arrow, table_of_arrow
from bentoml.adapters.table.layout import check_decoded_size, max_decoded_bytes

if TYPE_CHECKING:
    from bentoml.adapters.table.frame_table import FrameTable
    from bentoml.adapters.table.layout import TableLayout

_FILE_MARK = b"ARROW1\0\0"
_FILE_END = b"ARROW1"


def parse_arrow(body: bytes, layout: TableLayout) -> FrameTable:
    """Read a stream or a file. The list of contents at the end of a file is not looked at: it may say anything.

    Raises:
        InputError: it is neither, is damaged, would be too large, or does not fit the layout.
        MissingDependencyException: pyarrow is not installed.
    """
    pyarrow = arrow()
    if not body:
        raise InputError("the body is empty")
    stream = memoryview(body)
    if body.startswith(_FILE_MARK):
        if not body.endswith(_FILE_END):
            raise InputError("not a valid Arrow file: it is cut short")
        stream = stream[len(_FILE_MARK) :]
    try:
        _check_messages(stream)
        with pyarrow.ipc.open_stream(pyarrow.py_buffer(stream)) as reader:
            table = reader.read_all()
    except (pyarrow.ArrowException, OSError, EOFError) as error:
        raise InputError(f"not a valid Arrow stream or file: {str(error)[:200]}") from error
    return table_of_arrow(table, layout)


def _check_messages(stream: memoryview) -> None:
    pyarrow = arrow()
    limit_bytes = max_decoded_bytes()
    size_bytes = 0
    reader = pyarrow.ipc.MessageReader.open_stream(pyarrow.py_buffer(stream))
    for number, message in enumerate(reader):
        if number >= MAX_MESSAGES:
            raise InputError(f"the stream has more than {MAX_MESSAGES} messages")
        body = b"" if message.body is None else message.body
        size_bytes += decoded_bytes(memoryview(message.metadata), memoryview(body))
        check_decoded_size(size_bytes, limit_bytes)
