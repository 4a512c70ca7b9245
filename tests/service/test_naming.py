"""Names, versions, routes and labels."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.service import naming
from bentoml.service.naming import (
    generate_version,
    validate_api_name,
    validate_labels,
    validate_route,
    validate_version_str,
)

GOOD_VERSIONS = [
    "1",
    "v1.2",
    "20210315141834_08BDA2",
    "_",
    "-rc",
    "a..b",
    "x" * 128,
    "1.0.0",
    "1.0.0+build.7",
    "1.0.0-alpha.1+001",
    "0.0.0-0a.b-c+-.x",
    "1.0.0-" + "a" * 200,
]
BAD_VERSIONS = [
    "",
    " ",
    "1 2",
    "a&b",
    "a/b",
    "a\\b",
    "latest",
    "Latest",
    "LATEST",
    ".",
    "..",
    "...",
    "x" * 129,
    "1.0+build",
    "01.0.0+build",
    "1.0.0-01+b",
    "1.0.0+",
    "1.0.0+a..b",
    "1.0.0\n",
    "1.0.0+ü",
    "ü",
    "1.0.0-" + "a" * 300,
    None,
    1.0,
]


@pytest.mark.parametrize("version", GOOD_VERSIONS, ids=lambda version: version[:24])
def test_validate_version_str_when_allowed_returns_it(version: str) -> None:
    assert validate_version_str(version) == version


@pytest.mark.parametrize("version", BAD_VERSIONS, ids=lambda version: repr(version)[:24])
def test_validate_version_str_when_not_allowed_raises(version: Any) -> None:
    with pytest.raises(InvalidArgument, match="BentoService version"):
        validate_version_str(version)


def test_generate_version_gives_local_time_and_six_hex_digits() -> None:
    before = time.strftime("%Y%m%d%H%M%S")
    version = generate_version()
    after = time.strftime("%Y%m%d%H%M%S")
    assert re.fullmatch(r"\d{14}_[0-9A-F]{6}", version)
    assert before <= version[:14] <= after
    assert validate_version_str(version) == version
    assert len({generate_version() for _ in range(50)}) == 50


@pytest.mark.parametrize("name", ["predict", "_p", "predict_2", "prédire"])
def test_validate_api_name_when_identifier_returns_it(name: str) -> None:
    assert validate_api_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a-b", "1a", "a/b", "<script>", None])
def test_validate_api_name_when_no_identifier_raises(name: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"^Invalid API name"):
        validate_api_name(name)


@pytest.mark.parametrize("name", ["index", "swagger", "docs", "healthz", "metrics", "feedback"])
def test_reserved_name_raises_as_name_and_as_route(name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^Reserved API name"):
        validate_api_name(name)
    for route in (name, f"/{name}"):
        with pytest.raises(InvalidArgument, match=r"^Reserved API route"):
            validate_route(route)


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("predict", "predict"),
        ("/predict", "predict"),
        ("v1/models/iris:predict", "v1/models/iris:predict"),
        ("$~!@%^&*()_-+=[]\\|;:,.", "$~!@%^&*()_-+=[]\\|;:,."),
        ("docs/x", "docs/x"),
        ("a//b", "a//b"),
        ("pfad/ü", "pfad/ü"),
    ],
)
def test_validate_route_strips_one_slash(route: str, path: str) -> None:
    assert validate_route(route) == path


@pytest.mark.parametrize("route", ["", "/", "//a", "///a", ":a", "/:a", "a?b", "a#b", "a\nb", "a\x00", None])
def test_validate_route_when_not_allowed_raises(route: Any) -> None:
    with pytest.raises(InvalidArgument, match="Invalid API route"):
        validate_route(route)


GOOD_LABELS = [{}, {"key": "val"}, {"a.b": "x_y-z"}, {"k" * 63: "v" * 63}, {"111": "222"}]
BAD_LABELS: list[dict[Any, Any]] = [
    {"ab": "value"},
    {"key": "ab"},
    {"key": ""},
    {"k" * 64: "value"},
    {"key": "v" * 64},
    {"-key": "value"},
    {"key": "value-"},
    {"key": "val ue"},
    {"key": "val\n"},
    {"kéy": "value"},
    {"key": 123},
    {1: "value"},
]


@pytest.mark.parametrize("labels", GOOD_LABELS, ids=str)
def test_validate_labels_when_allowed_returns_a_copy(labels: dict[str, str]) -> None:
    checked = validate_labels(labels)
    assert checked == labels
    assert checked is not labels


def test_validate_labels_when_none_returns_no_labels() -> None:
    assert validate_labels(None) == {}


@pytest.mark.parametrize("labels", BAD_LABELS, ids=str)
def test_validate_labels_when_not_allowed_raises(labels: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="Invalid label"):
        validate_labels(labels)


@pytest.mark.parametrize("labels", [["stage"], "stage=prod", 3], ids=str)
def test_validate_labels_when_not_a_dict_says_what_to_give(labels: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"give a dict, such as \{'stage': 'prod'\}"):
        validate_labels(labels)


class Plain:
    name = naming.ServiceName()


class Named(Plain):
    _bento_service_name = "Other"


class Badly(Plain):
    _bento_service_name = "not a name"


def test_service_name_reads_alike_on_class_and_instance() -> None:
    assert (Plain.name, Plain().name, Named.name, Named().name) == ("Plain", "Plain", "Other", "Other")


def test_service_name_when_no_identifier_raises() -> None:
    with pytest.raises(InvalidArgument, match="Invalid BentoService name 'not a name'"):
        _ = Badly.name
