"""Reading addresses, and showing them without what is secret."""

from __future__ import annotations

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.storage.address import is_address, parse_address, shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("s3://bucket/a/b c.tar.gz", ("s3", "bucket", "a/b c.tar.gz")),
        ("S3://bucket", ("s3", "bucket", "")),
        ("gs://my_bucket.example/a?b#c", ("gs", "my_bucket.example", "a?b#c")),
        ("azure://container/a/", ("azure", "container", "a")),
        ("azure://$root/x", ("azure", "$root", "x")),
        ("https://host/a.tar.gz", ("https", "host", "/a.tar.gz")),
        ("HTTPS://Host:8443", ("https", "host:8443", "/")),
        ("https://host/a?b=c&d=%20#e", ("https", "host", "/a?b=c&d=%20")),
        ("https://ada:pw@host/a", ("https", "host", "/a")),
        ("https://[::1]:80/a", ("https", "[::1]:80", "/a")),
        ("https://m\u00fcnchen.example/\u00e4", ("https", "xn--mnchen-3ya.example", "/%C3%A4")),
    ],
)
def test_parse_address_takes_it_apart(text: str, parts: tuple[str, str, str]) -> None:
    address = parse_address(text)
    assert (address.scheme, address.container, address.name) == parts


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("https://host/", "host", 443),
        ("http://host/", "host", 80),
        ("https://host:8443/", "host", 8443),
        ("https://[fe80::1]:1/", "fe80::1", 1),
    ],
)
def test_host_and_port_of_the_web(text: str, host: str, port: int) -> None:
    assert (parse_address(text).host, parse_address(text).port) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Iris:latest",
        "/some/path",
        "s3:/bucket/x",
        "s3://",
        "s3:///x",
        "s3://a/x",
        "s3://-bucket/x",
        "s3://bucket#/x",
        "s3://bucket@evil.example/x",
        "s3://evil.example:80/x",
        "s3://bucket?x/y",
        "s3://buck et/x",
        "s3://bucket\\x/y",
        "s3://bucket/../other/x",
        "s3://bucket/a//b",
        "s3://bucket/a/./b",
        "s3://bucket/a\nb",
        "gs://bucket%2f/x",
        "azure://con:tainer/x",
        "file:///etc/passwd",
        "ftp://host/x",
        "hdfs://host/x",
        "https://",
        "https:///x",
        "https://host:0/x",
        "https://host:x/x",
        "https://host:70000/",
        "https://[::1/x",
        "https://host/a b",
        "https://host/a\nb",
        "https://host\\@evil.example/",
        "https://ho st/",
        "https://host\t.example/",
        "https://\u2100.example/",
        "https://a..\u00fc/",
    ],
)
def test_parse_address_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("https://ada:pw@host/a?token=1#x", "https://host/a"),
        ("https://ada:p@w@host:8443/a", "https://host:8443/a"),
        ("https://ada:pw@host:x/a?b", "https://host:x/a"),
        ("ftp://ada:pw@host/a", "ftp://host/a"),
        ("s3://bucket/a?b", "s3://bucket/a?b"),
        ("https://host/\x1b[31m", "https://host/\\x1b[31m"),
    ],
)
def test_shown_has_no_credentials_and_no_control_characters(text: str, safe: str) -> None:
    assert shown(text) == safe


def test_address_as_text_has_nothing_secret() -> None:
    address = parse_address("https://ada:pw@host:1/a?token=1")
    assert str(address) == "https://host:1/a"
    assert address.credentials == "ada:pw"
    for word in ("pw", "token"):
        assert word not in repr(address)


@pytest.mark.parametrize(
    ("text", "name", "child"),
    [
        ("s3://bucket", "x.tar", "s3://bucket/x.tar"),
        ("s3://bucket/a/", "x.tar", "s3://bucket/a/x.tar"),
        ("https://host", "x.tar", "https://host/x.tar"),
        ("https://host/a/?b=c", "x.tar", "https://host/a/x.tar"),
    ],
)
def test_child_lies_below(text: str, name: str, child: str) -> None:
    assert str(parse_address(text).child(name)) == child


def test_child_on_the_web_keeps_credentials_and_query() -> None:
    child = parse_address("https://ada:pw@host/a?b=c").child("x")
    assert (child.name, child.credentials) == ("/a/x?b=c", "ada:pw")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("s3://x", True), ("HTTP://x", True), ("abc+d://x", True), ("Iris:1", False), ("./x", False), ("C:/x", False)],
)
def test_is_address(text: str, expected: bool) -> None:
    assert is_address(text) == expected
