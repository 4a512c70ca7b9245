from __future__ import annotations

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.yatai.remote.address import RegistryAddress


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("yatai.example", "http://yatai.example"),
        ("yatai.example:3000", "http://yatai.example:3000"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://yatai.example:80/", "http://yatai.example"),
        ("grpc://yatai.example:50051", "http://yatai.example:50051"),
        ("https://Yatai.Example", "https://yatai.example"),
        ("HTTPS://yatai.example:443/team/registry/", "https://yatai.example/team/registry"),
        ("grpcs://yatai.example:8443", "https://yatai.example:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://yatai.example/a b".replace(" ", "%20"), "https://yatai.example/a%20b"),
    ],
)
def test_parse_reads_what_users_write(text: str, url: str) -> None:
    assert RegistryAddress.parse(text).url == url


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no host"),
        ("https://", "names no host"),
        ("http:///bundles", "names no host"),
        ("ftp://yatai.example", "ftp:// is no scheme"),
        ("s3://bucket", "s3:// is no scheme"),
        ("https://ada:secret@yatai.example", "holds no credentials"),
        ("ada@yatai.example", "holds no credentials"),
        ("http://yatai.example:port", "cannot be read"),
        ("http://yatai.example:70000", "cannot be read"),
        ("http://yatai.example:0", "names no host"),
        ("http://[::1", "cannot be read"),
        ("http://yatai.example/?a=b", "ends with a path"),
        ("http://yatai.example/#a", "ends with a path"),
        ("http://yatai.example/a/../b", "ends with a path"),
        ("http://yatai.example\\@evil.example", "holds no credentials"),
        ("http://yatai\\evil.example", "names no host"),
        ("http://yatai.example/a b", "white space"),
        ("http://yatai.example\r\nx: y", "white space"),
    ],
)
def test_parse_when_it_is_no_address_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as refusal:
        RegistryAddress.parse(text)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [
        ("localhost:3000", True),
        ("yatai.localhost", True),
        ("127.0.0.2", True),
        ("http://[::1]", True),
        ("10.0.0.1", False),
        ("127.0.0.1.example", False),
    ],
)
def test_is_loopback(text: str, is_loopback: bool) -> None:
    assert RegistryAddress.parse(text).is_loopback is is_loopback
