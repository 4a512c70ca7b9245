"""Addresses of images in ECR."""

from __future__ import annotations

import pytest

from bentoml.deploy.aws.ecr_address import EcrAddress
from tests.deploy.aws.balanced import IMAGE

DIGEST = f"@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (f"{IMAGE}:1", EcrAddress("123456789012", "eu-west-1", "team/iris", ":1")),
        (f"{IMAGE}:1{DIGEST}", EcrAddress("123456789012", "eu-west-1", "team/iris", f":1{DIGEST}")),
        (IMAGE, EcrAddress("123456789012", "eu-west-1", "team/iris", "")),
        (
            "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu/iris:1",
            EcrAddress("123456789012", "eusc-de-east-1", "iris", ":1"),
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/iris:1",
            EcrAddress("123456789012", "cn-north-1", "iris", ":1"),
        ),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.org/iris:1", None),
        ("docker.io/team/iris:1", None),
        ("iris", None),
    ],
)
def test_address_says_where_an_image_is(image: str, found: EcrAddress | None) -> None:
    assert EcrAddress.of(image) == found
