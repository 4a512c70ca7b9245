"""`bentoml ray deploy` and `update`."""

from __future__ import annotations

import re
from typing import Any

import click

from bentoml.cli.deployment_changes import Changes
from bentoml.cli.deployment_options import namespace_option, together
from bentoml.cli.option_kinds import number, pairs, text
from bentoml.cli.ray import PLATFORM

_UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
_read_size = re.compile(r"([0-9]+)(|Ki|Mi|Gi|Ti)").fullmatch


def _size_bytes(
    ctx: click.Context,  # noqa: ARG001 - as click calls it
    parameter: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> int | str | None:
    """A size in bytes; an empty text stays one.

    Raises:
        BadParameter: it is no size.
    """
    if not value:
        return value
    found = _read_size(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no size; write bytes, or a number with Ki, Mi, Gi or Ti, such as 2Gi")
    return int(found[1]) * _UNITS[found[2]]


def _amount(name: str, text: str) -> Any:
    return click.option(f"--{name}", type=click.FloatRange(min=0), metavar="X", help=text)


platform_options = together(
    text(
        "address", "URL", "Dashboard of the cluster; auto is RAY_DASHBOARD_ADDRESS, else that of this machine.  [auto]"
    ),
    text("route-prefix", "PATH", "Beginning of all paths.  [/]"),
    number("replicas", "Replicas; the least of them when they scale.  [1]"),
    number("min-replicas", "Another least when they scale; 0 stops the last one when nobody asks.  [--replicas]", 0),
    number("max-replicas", "Most replicas, as the load needs them.  [no scaling]"),
    _amount("target-ongoing-requests", "Of a replica, over which another one comes.  [2, as Ray has it]"),
    number("max-ongoing-requests", "Most requests that a replica has at a time.  [1000]"),
    number("max-queued-requests", "Most that wait for a replica; more are refused. -1 is any number.  [-1]", -1),
    _amount("cpus", "Processors that a replica reserves.  [1]"),
    _amount("gpus", "GPUs that a replica reserves; a part of one shares it.  [0]"),
    click.option("--memory", "memory_bytes", metavar="SIZE", callback=_size_bytes, help="Likewise, such as 2Gi."),
    number("workers", "Worker processes of a replica, each with the model.  [1]"),
    text("location", "PLACE", "Directory or address where each node finds the bundle.  [it is sent to the cluster]"),
    pairs(
        "env", "NAME=VALUE", "Variable of the server, which everybody can see who sees the deployment or the dashboard"
    ),
)
"""One option for each field of `RayOptions`."""

_names = together(
    click.argument("bento", metavar="BUNDLE"),
    click.option("--name", metavar="NAME", help="Name of the deployment.  [that of the service]"),
    namespace_option,
)
_CHANGES = Changes(PLATFORM, platform_options, names=_names)
deploy_command = _CHANGES.deploy_command()
update_command = _CHANGES.update_command()
