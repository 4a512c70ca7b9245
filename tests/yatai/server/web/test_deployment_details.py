from __future__ import annotations

from typing import Any

import pytest

from bentoml.yatai.deployment_forms import KNOWN_SETTINGS
from bentoml.yatai.deployment_models import Deployment, DeploymentPhase, DeploymentSpec, Operator
from bentoml.yatai.server.web.deployment_details import (
    PLATFORMS,
    Fact,
    endpoints_of,
    fact,
    phase_text,
    platform_of,
    settings_of,
    tone_of,
)


def deployment(operator: Operator, config: dict[str, Any]) -> Deployment:
    return Deployment("dev", "iris", DeploymentSpec("Iris", "1", operator, config))


def test_every_platform_has_a_name() -> None:
    assert set(PLATFORMS) == set(Operator) - {Operator.UNSET}


def test_every_known_setting_has_a_title() -> None:
    for name, keys in KNOWN_SETTINGS.items():
        if name != "CUSTOM":
            facts = settings_of(deployment(Operator[name], dict.fromkeys(keys, 1)))
            assert not {each.term for each in facts} & set(keys) - {"region", "location"}


def test_settings_come_in_the_order_of_the_platform_and_then_the_others() -> None:
    config = {"own": True, "timeout": 60, "memory_size": 512, "region": "eu-west-1", "nested": {"a": [1]}, "empty": ""}
    assert settings_of(deployment(Operator.AWS_LAMBDA, config)) == [
        Fact("Region", "eu-west-1"),
        Fact("Memory", "512 MB"),
        Fact("Time for a request", "60 s"),
        Fact("own", "yes"),
        Fact("nested", document='{\n  "a": [\n    1\n  ]\n}'),
        Fact("empty", "not set"),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Fact("t", "not set")),
        ([], Fact("t", "not set")),
        (0, Fact("t", "0")),
        (False, Fact("t", "no")),
        (1.5, Fact("t", "1.5")),
        (["a", "b"], Fact("t", "a, b")),
        (["a", 1], Fact("t", document='[\n  "a",\n  1\n]')),
    ],
)
def test_fact_is_one_line_where_it_can_be(value: object, expected: Fact) -> None:
    assert fact("t", value) == expected


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        pytest.param(
            {"endpoints": ["https://a.example/x", "https://b.example"]},
            ["https://a.example/x", "https://b.example"],
            id="lambda",
        ),
        pytest.param(
            {"Url": "http://lb.example", "Endpoints": ["http://lb.example"]}, ["http://lb.example"], id="once"
        ),
        pytest.param({"default_host_name": "iris.azurewebsites.net"}, ["https://iris.azurewebsites.net"], id="azure"),
        pytest.param({"defaultHostName": "a b"}, [], id="no-host"),
        pytest.param(
            {"a": "javascript:alert(1)", "b": "https://", "c": "ftp://x", "d": {"e": "https://x"}}, [], id="none"
        ),
        pytest.param({"a": "https://[x", "b": "https://a\n.example"}, [], id="malformed"),
    ],
)
def test_endpoints_are_the_web_addresses(info: dict[str, Any], expected: list[str]) -> None:
    assert endpoints_of(info) == expected


def test_states_have_words_and_tones() -> None:
    assert phase_text(DeploymentPhase.CRASH_LOOP_BACK_OFF) == "Crash loop back off"
    assert {phase.name: tone_of(phase) for phase in DeploymentPhase} == {
        "PENDING": "warn",
        "RUNNING": "good",
        "SUCCEEDED": "good",
        "FAILED": "bad",
        "UNKNOWN": "",
        "COMPLETED": "",
        "CRASH_LOOP_BACK_OFF": "bad",
        "ERROR": "bad",
        "INACTIVATED": "",
    }


@pytest.mark.parametrize(
    ("config", "expected"), [({"name": "Our cloud"}, "Our cloud"), ({"name": 1}, "Custom"), ({}, "Custom")]
)
def test_custom_platform_has_the_name_of_its_settings(config: dict[str, Any], expected: str) -> None:
    assert platform_of(deployment(Operator.CUSTOM, config)) == expected
