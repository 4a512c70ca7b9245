"""What the pages of a Parquet column announce, read before Arrow unpacks them.

The list of contents at the end of a file says how large its columns are, but the pages say so again, and they are what
Arrow goes by.

Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

from dataclasses import dataclass

from bentoml.adapters.errors import InputError
from bentoml.adapters.table.thrift import I32, STRUCT, Fields, ThriftError, ThriftReader

MAX_PAGES = 50_000

_MAX_VALUES = 200
# Fields of PageHeader and of the headers inside it.
_UNPACKED_BYTES, _PACKED_BYTES = (2, I32), (3, I32)
_DATA, _DICTIONARY, _DATA_2 = (5, STRUCT), (7, STRUCT), (8, STRUCT)
_VALUES = (1, I32)
_ENCODING = {_DATA: (2, I32), _DATA_2: (4, I32)}
# Each text may repeat any part of the one before: a few bytes become any number.
_DELTA_BYTE_ARRAY = 7


@dataclass(slots=True)
class PageSizes:
    """What the pages of a column add up to.

    Attributes:
        unpacked_bytes: their size once unpacked.
        values: how many values they have, missing ones among them.
        dictionary_bytes: size of the largest dictionary, unpacked.
        pages: how many there are.
    """

    unpacked_bytes: int = 0
    values: int = 0
    dictionary_bytes: int = 0
    pages: int = 0


def page_sizes(body: memoryview, start: int, end: int, max_pages: int = MAX_PAGES) -> PageSizes:
    """Walk over the pages that lie between two places of a file.

    Raises:
        InputError: there are no such places, a header is damaged, there are too many pages, or one is written in a way
            that lets a few bytes become any number.
    """
    if not 0 <= start <= end <= len(body):
        raise InputError("a column lies outside of the Parquet file")
    sizes = PageSizes()
    position = start
    while position < end:
        reader = ThriftReader(body[:end], position, _MAX_VALUES)
        try:
            header = reader.struct()
        except ThriftError as error:
            raise InputError("a page of the Parquet file is damaged") from error
        _add_page(sizes, header)
        if sizes.pages > max_pages:
            raise InputError(f"the Parquet file has more than {MAX_PAGES} pages")
        position = reader.position + _number(header, _PACKED_BYTES)
    return sizes


def _add_page(sizes: PageSizes, header: Fields) -> None:
    unpacked_bytes = _number(header, _UNPACKED_BYTES)
    sizes.pages += 1
    sizes.unpacked_bytes += unpacked_bytes
    if _DICTIONARY in header:
        sizes.dictionary_bytes = max(sizes.dictionary_bytes, unpacked_bytes)
    for field, encoding_field in _ENCODING.items():
        data = header.get(field)
        if data is not None:
            sizes.values += _number(data, _VALUES)
            if _number(data, encoding_field) == _DELTA_BYTE_ARRAY:
                raise InputError(
                    "the encoding DELTA_BYTE_ARRAY of Parquet is not read; write the file with another one"
                )


def _number(fields: Fields, field: tuple[int, int]) -> int:
    value: int = fields.get(field, -1)
    if value < 0:
        raise InputError("a page of the Parquet file is damaged")
    return value
