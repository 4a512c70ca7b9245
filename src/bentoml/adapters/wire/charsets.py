"""The charsets in which text may be sent, by the names that clients have for them.

Python itself is not asked: it tries to import a module for each name that it does not know and keeps the name forever,
and some of what it knows (punycode, `unicode_escape`, ...) is no charset, or takes quadratic time.
"""

from __future__ import annotations

from encodings.aliases import aliases

# What Python can do and its table of names leaves out.
_UNLISTED = frozenset(
    {"cp720", "cp737", "cp856", "cp874", "cp875", "cp1006", "koi8_r", "koi8_t", "koi8_u", "utf_8_sig", "mac_croatian"}
)
# Other things than charsets in that table.
_NO_CHARSETS = frozenset(
    {"base64_codec", "bz2_codec", "hex_codec", "mbcs", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
)
_CODECS = frozenset(aliases.values()) - _NO_CHARSETS | _UNLISTED
_NAMES = {**{name: codec for name, codec in aliases.items() if codec in _CODECS}, **{name: name for name in _CODECS}}


def codec_of(charset: str) -> str | None:
    """The name under which Python has a charset; None when it is none that text may be sent in."""
    return _NAMES.get(charset.strip().lower().replace("-", "_").replace(" ", "_"))
