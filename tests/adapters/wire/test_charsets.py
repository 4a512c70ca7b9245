"""Names of charsets."""

from __future__ import annotations

import codecs
import encodings

import pytest

from bentoml.adapters.errors import InputError
from bentoml.adapters.text_input import decode_text
from bentoml.adapters.wire.charsets import _NAMES, codec_of


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", " latin-1", "ISO-8859-15", "windows-1252", "koi8-r", "shift_jis"])
def test_charset_that_clients_send_is_known(charset: str) -> None:
    codec = codec_of(charset)
    assert codec is not None
    assert codecs.lookup(codec).name == codecs.lookup(charset.strip()).name


def test_every_known_charset_makes_text_of_bytes() -> None:
    for codec in set(_NAMES.values()):
        assert isinstance("7".encode(codec).decode(codec), str)


@pytest.mark.parametrize(
    "charset",
    ["punycode", "idna", "unicode_escape", "raw-unicode-escape", "undefined", "hex", "rot13", "a\0b", "..", ""],
)
def test_charset_that_is_none_is_refused(charset: str) -> None:
    assert codec_of(charset) is None
    with pytest.raises(InputError, match="is not known"):
        decode_text(b"x-9", charset)


def test_names_of_charsets_are_not_kept_and_not_repeated_at_length() -> None:
    before = len(encodings._cache)
    for number in range(50):
        with pytest.raises(InputError) as error:
            decode_text(b"", f"{number}{'x' * 10_000}")
        assert len(str(error.value)) < 100
    assert len(encodings._cache) == before
