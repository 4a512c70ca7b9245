"""Options of the commands for deployments: what several platforms have looks the same on all of them."""

from __future__ import annotations

import click
import pytest

from bentoml.cli.deployment_changes import engine_option
from bentoml.cli.main import commandline_interface
from bentoml.deploy.container.engines import ENGINES

GROUPS = ("kubernetes", "lambda", "sagemaker", "ecs", "ec2", "azure-functions", "azure-container-apps", "ray")
SHARED = {"region", "engine", "env", "workers", "replicas", "max_replicas", "cpu_target_percent", "instance_type"}
LAST = ["labels", "dry_run", "output_dir", "wait", "wait_timeout_s", "output", "yatai_url"]
LISTING = ["namespace", "labels", "limit", "order_by", "ascending", "output", "yatai_url"]


def options_of(group: str, command: str) -> list[click.Parameter]:
    """The parameters of a command, without those that every command has."""
    found = commandline_interface.get_command(click.Context(commandline_interface), group)
    assert isinstance(found, click.Group)
    below = found.get_command(click.Context(found), command)
    assert below is not None
    return below.params[:-3]


@pytest.mark.parametrize("command", ["deploy", "update"])
@pytest.mark.parametrize("group", GROUPS)
def test_common_options_come_last_and_in_the_same_order(group: str, command: str) -> None:
    assert [each.name for each in options_of(group, command)][-len(LAST) :] == LAST


@pytest.mark.parametrize("group", GROUPS)
def test_list_has_the_same_options(group: str) -> None:
    assert [each.name for each in options_of(group, "list")] == LISTING
    assert [each.name for each in options_of("deployment", "list")] == ["platform", *LISTING]


def test_options_of_several_platforms_take_the_same_values() -> None:
    forms: dict[str, set[tuple[str | None, str]]] = {}
    for group in GROUPS:
        for each in options_of(group, "deploy"):
            if each.name in SHARED:
                forms.setdefault(each.name, set()).add((each.metavar, repr(each.type)))
    assert {name for name, found in forms.items() if len(found) > 1} == set()
    assert set(forms) == SHARED


def test_engines_to_choose_are_those_that_build() -> None:
    @click.command
    @engine_option
    def command(engine: str) -> None:
        """Take an engine."""

    (option,) = command.params
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == ENGINES
