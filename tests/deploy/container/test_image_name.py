"""Names of images: completed, checked, and made from any service so that a registry takes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.deploy.container.image_name import has_registry, image_name
from bentoml.exceptions import InvalidArgument
from bentoml.service.naming import validate_service_name, validate_version_str

LONG = "9" * 300
# The grammar of registries, written down once more and not taken from the code.
REFERENCE = re.compile(
    r"(?:(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*)*)"
    r":(?P<tag>[\w][\w.-]{0,127})",
    re.ASCII,
)

MADE = [
    ("IrisClassifier", "20210315141834_08BDA2", "irisclassifier:20210315141834_08BDA2"),
    ("_Iris_", "1.0", "iris:1.0"),
    ("My__Long___Name", "1", "my__long__name:1"),
    ("Größe", ".1-", "gre:1-"),
    ("模型", "1", "bento-service:1"),
    ("Iris", "1.2.0-rc.1+build.7", "iris:1.2.0-rc.1_build.7"),
    ("Iris", LONG, f"iris:{LONG[:128]}"),
]


@pytest.mark.parametrize(("name", "version", "expected"), MADE)
def test_image_name_of_a_service_is_made_from_name_and_version(name: str, version: str, expected: str) -> None:
    assert image_name(name, version) == expected


GIVEN = [
    ("iris-classifier", "iris-classifier:2.0"),
    ("iris:v1", "iris:v1"),
    ("team/iris", "team/iris:2.0"),
    ("localhost:5000/team/iris", "localhost:5000/team/iris:2.0"),
    ("localhost:5000/iris:v1", "localhost:5000/iris:v1"),
    ("Registry.Example.COM/a__b/c--d.e", "Registry.Example.COM/a__b/c--d.e:2.0"),
]


@pytest.mark.parametrize(("given_name", "expected"), GIVEN)
def test_image_name_that_was_given_gets_the_version_as_its_tag(given_name: str, expected: str) -> None:
    assert image_name("Iris", "2.0", given_name) == expected


WRONG_NAMES = [
    "",
    ":v1",
    "Iris",
    "iris classifier",
    "-iris",
    "iris_",
    "a___b",
    "a/",
    "/a",
    "a//b",
    "a\n",
    "a;id",
    "$(id)",
]
WRONG_NAMES += [
    "--push",
    "../iris",
    "a/../b",
    "a@sha256:00",
    "a'b",
    'a"b',
    "ïris",
    "a" * 256,
    "host:port/iris",
    "a:b/c:d:e",
]
WRONG_TAGS = [
    "iris:",
    "iris:-v",
    "iris:.v",
    "iris:v 1",
    "iris:v\n",
    "iris:$(id)",
    "iris:é",
    "iris:v/",
    f"iris:{LONG[:129]}",
]


@pytest.mark.parametrize("given_name", [*WRONG_NAMES, *WRONG_TAGS], ids=lambda name: ascii(name[:20]))
def test_image_name_that_no_registry_takes_is_refused(given_name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"Provided Docker Image tag .* is invalid"):
        image_name("Iris", "2.0", given_name)


@given(
    st.text(st.characters(), min_size=1).filter(str.isidentifier),
    st.from_regex(r"[A-Za-z0-9_.+-]{1,128}", fullmatch=True),
)
def test_image_name_of_any_service_is_one_that_a_registry_takes(name: str, version: str) -> None:
    try:
        validate_version_str(version)
    except InvalidArgument:
        return
    assert REFERENCE.fullmatch(image_name(validate_service_name(name), version))


@given(st.text() | st.from_regex(r"[a-z:/._-]{1,12}", fullmatch=True))
def test_image_name_of_any_text_is_well_formed_or_refused(text: str) -> None:
    try:
        made = image_name("Iris", "2.0", text)
    except InvalidArgument:
        return
    assert REFERENCE.fullmatch(made)
    assert made in {text, f"{text}:2.0"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("iris:1", False), ("team/iris:1", False), ("localhost/iris:1", True), ("h:1/iris:1", True), ("a.b/iris", True)],
)
def test_has_registry_tells_a_host_from_a_team(name: str, expected: bool) -> None:
    assert has_registry(name) is expected
