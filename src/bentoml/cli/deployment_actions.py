"""What the commands for deployments on all platforms do."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.deployment_view import print_deployments
from bentoml.cli.interruption import sigterm_as_exit
from bentoml.cli.progress import StatusLine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bentoml.cli.command import Verbosity
    from bentoml.deploy.plans import Deployments, Plan
    from bentoml.yatai.deployment_models import Deployment, NewDeployment
    from bentoml.yatai.registry import Registry


@dataclass(frozen=True)
class Change:
    """What the common options of `deploy` and `update` say.

    Attributes:
        labels: of the deployment; None where none are given.
        dry_run: print the plan instead.
        output_dir: write the plan there instead.
        wait: until it runs.
        wait_timeout_s: longest wait.
        output: how to print the result.
        yatai_url: of the registry.
    """

    labels: Mapping[str, str] | None
    dry_run: bool
    output_dir: Path | None
    wait: bool
    wait_timeout_s: float
    output: str | None
    yatai_url: str | None

    @property
    def is_plan(self) -> bool:
        """Whether nothing is done."""
        return self.dry_run or self.output_dir is not None

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Change:
        """Take the common options out of all options of a command."""
        return cls(**{name: options.pop(name) for name in cls.__dataclass_fields__})


def open_registry(yatai_url: str | None) -> Registry:
    """The registry that has the records."""
    from bentoml.yatai.client import get_yatai_client

    return get_yatai_client(yatai_url).registry


def chosen_namespace(given: str | None) -> str:
    """The namespace of a deployment."""
    from bentoml.configuration import get_config

    return get_config().yatai.namespace if given is None else given


def say_to(verbosity: Verbosity) -> Callable[[str], None]:
    """What tells the user what is done."""

    def say(text: str) -> None:
        if not verbosity.quiet:
            click.echo(text, err=True)

    return say


def change(
    deployments: Deployments,
    wanted: NewDeployment,
    act: Callable[[NewDeployment], Deployment],
    asked: Change,
    verbosity: Verbosity,
) -> None:
    """Make or change a deployment, or show how it would be done.

    Args:
        deployments: of the platform.
        wanted: what it shall be.
        act: `deployments.deploy` or `deployments.update`.
        asked: the common options.
        verbosity: how much the user wants to see.
    """
    if asked.is_plan:
        show_plan(deployments.plan(wanted), asked)
        return
    with sigterm_as_exit():
        made = act(wanted)
    if asked.wait:
        made = _wait(deployments, made, asked.wait_timeout_s, verbosity)
    print_deployments([made], asked.output or "json")


def show_plan(plan: Plan, asked: Change) -> None:
    """Print a plan, or write it, or both."""
    from bentoml.deploy.plans import plan_text, write_plan

    if asked.output_dir is not None:
        write_plan(plan, asked.output_dir)
    if asked.dry_run:
        click.echo(plan_text(plan))


def _wait(deployments: Deployments, made: Deployment, timeout_s: float, verbosity: Verbosity) -> Deployment:
    """Wait until it runs, and say how it does: on one line of a terminal, else a line for each change."""
    from bentoml.deploy.plans import Waiting, said

    line = StatusLine(sys.stderr) if sys.stderr.isatty() and not verbosity.quiet else None
    say, shown = say_to(verbosity), [""]

    def show(seen: Deployment) -> None:
        text = f"{seen.full_name}: {said(seen)}"
        if line is not None:
            line.show(text)
        elif text != shown[0]:
            say(text)
        shown[0] = text

    try:
        return deployments.wait(made.namespace, made.name, Waiting(timeout_s, show=show))
    finally:
        if line is not None:
            line.close()
