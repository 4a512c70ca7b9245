from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bentoml.configuration.schema import Cors
from bentoml.exceptions import InvalidArgument
from bentoml.server.options.cors_options import CorsOptions
from bentoml.server.options.serve_options import ServeOptions
from tests.server.server_options import server_options


def section(**values: Any) -> Cors:
    """The section, on unless asked otherwise; the keys without what they all begin with."""
    return Cors(
        enabled=values.pop("enabled", True), **{f"access_control_{name}": value for name, value in values.items()}
    )


def test_from_config_when_not_enabled_is_none_whatever_else_it_says() -> None:
    assert CorsOptions.from_config(section(allow_origin="no origin", enabled=False)) is None


def test_from_config_of_an_origin_alone_allows_what_this_server_reads() -> None:
    options = CorsOptions.from_config(section(allow_origin="https://app.example.com"))
    assert options is not None
    assert options.origins == ("https://app.example.com",)
    assert options.methods == ("GET", "HEAD", "POST")
    assert {"Content-Type", "X-Request-Id", "Authorization"} <= set(options.headers)
    assert options.exposed == ("Retry-After", "X-Request-Id")
    assert (options.credentials, options.max_age_s) == (False, None)


def test_from_config_takes_comma_lists_and_lists_alike() -> None:
    options = CorsOptions.from_config(
        section(
            allow_origin=" https://a.example , http://b.example:8080,,https://a.example, null",
            allow_methods=["get", "post, put"],
            allow_headers="X-One, X-Two",
            expose_headers=[],
            max_age=0,
        )
    )
    assert options == CorsOptions(
        origins=("https://a.example", "http://b.example:8080", "null"),
        methods=("GET", "POST", "PUT"),
        headers=("X-One", "X-Two"),
        exposed=(),
        max_age_s=0,
    )


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "http://localhost",
        "http://localhost:3000",
        "https://[::1]:8443",
        "http://127.0.0.1:80800",
        "chrome-extension://abcdefgh",
        "https://xn--mnchen-3ya.example",
    ],
)
def test_from_config_takes_every_origin_that_browsers_send(origin: str) -> None:
    options = CorsOptions.from_config(section(allow_origin=origin))
    assert options is not None
    assert options.origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://App.example.com",
        "https://*.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://user@app.example.com",
        "https://münchen.example",
        "https://a.example https://b.example",
        "https://a.example\r\nset-cookie: a=b",
        "//app.example.com",
        "https://",
    ],
)
def test_from_config_of_what_no_browser_sends_names_it_and_shows_an_origin(origin: str) -> None:
    with pytest.raises(
        InvalidArgument, match=r"(?s)allow_origin: .* is not an origin as browsers send it.*https://app"
    ):
        CorsOptions.from_config(section(allow_origin=origin))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({}, r"no origin is allowed; name some", id="no origin"),
        pytest.param({"allow_origin": " , "}, r"no origin is allowed", id="empty list"),
        pytest.param(
            {"allow_origin": "*, https://a.example"}, r"allow_origin: \* stands alone", id="star among others"
        ),
        pytest.param(
            {"allow_origin": "*", "allow_credentials": True}, r"allow_origin is \* and .*credentials is true", id="all"
        ),
        pytest.param(
            {"allow_origin": "null", "allow_credentials": True}, r"has null, which any page can make", id="null"
        ),
        pytest.param(
            {"allow_origin": "https://a.example", "allow_credentials": True, "expose_headers": "*"},
            r"expose_headers: browsers know no \*",
            id="expose all",
        ),
        pytest.param({"allow_origin": "*", "allow_methods": "GET POST"}, r"allow_methods: 'GET POST'", id="blank"),
        pytest.param({"allow_origin": "*", "allow_headers": ["a\r\nb"]}, r"allow_headers: 'a\\r\\nb'", id="line"),
        pytest.param({"allow_origin": "*", "allow_headers": "*, a"}, r"allow_headers: \* stands alone", id="two"),
        pytest.param({"allow_origin": "*", "expose_headers": "ü"}, r"expose_headers: 'ü'", id="not ascii"),
        pytest.param({"allow_origin": "*", "max_age": -2}, r"max_age must be .*not -2", id="age"),
    ],
)
def test_from_config_of_what_cannot_be_meant_says_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        CorsOptions.from_config(section(**values))


def test_serve_options_carry_it_to_other_processes(bentoml_home: Path) -> None:
    (bentoml_home / "bentoml.yml").write_text(
        "bento_server: {cors: {enabled: true, access_control_allow_origin: 'https://a.example',"
        " access_control_allow_credentials: true, access_control_max_age: 60}}"
    )
    options = server_options()
    assert options.cors == CorsOptions(("https://a.example",), credentials=True, max_age_s=60)
    assert ServeOptions.from_json(options.to_json()) == options
    assert ServeOptions.from_json(replace(options, cors=None).to_json()).cors is None


@pytest.mark.parametrize(
    "values", ["*", [], {}, {"origins": ["*"]}, asdict(CorsOptions(("*",))) | {"max_age_s": "1"}], ids=repr
)
def test_from_json_of_anything_else_is_refused(values: Any) -> None:
    with pytest.raises(InvalidArgument):
        CorsOptions.from_json(values)
