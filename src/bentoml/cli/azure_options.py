"""The options of `bentoml azure-functions` and `azure-container-apps`; what is not given is None."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bentoml.cli.deployment_changes import engine_option
from bentoml.cli.deployment_options import together
from bentoml.cli.option_kinds import number, pairs, text

if TYPE_CHECKING:
    from bentoml.cli.deployment_options import Decorator


def location_option(*, required: bool) -> Decorator:
    """The region; an update keeps the one that is recorded."""
    meaning = "Region, such as westeurope; another one makes all anew there."
    return click.option("--location", required=required, metavar="NAME", help=meaning)


_common = together(
    text("subscription", "ID", "Subscription of Azure.  [the one in use]"),
    number("workers", "Worker processes of an instance.  [configured]"),
    pairs("env", "NAME=VALUE", "Variable of the server, which everybody can see who sees the deployment"),
)

functions_options = together(
    number("min-instances", "Instances that always run, 1 to 20.  [1]"),
    number("max-burst", "Most instances, at most 20.  [20]"),
    click.option("--premium-plan-sku", type=click.Choice(["EP1", "EP2", "EP3"]), help="Size of an instance.  [EP1]"),
    click.option(
        "--function-auth-level",
        type=click.Choice(["anonymous", "function", "admin"]),
        help="Which key requests need.  [anonymous]",
    ),
    _common,
)
"""One option for each field of `FunctionsOptions` but the location."""

container_apps_options = together(
    text("cpu", "CORES", "Cores of a replica, 0.25 to 4; it has twice as many GiB of memory.  [0.5]"),
    number("min-replicas", "Replicas that always run; 0 stops the last one when nobody asks.  [1]", 0),
    number("max-replicas", "Most replicas.  [10]"),
    number("concurrency", "Requests of a replica at a time over which another one comes.  [10]"),
    click.option("--internal/--external", default=None, help="Answer in the environment only, or all.  [all]"),
    _common,
)
"""One option for each field of `ContainerAppsOptions` but the location."""

image_options = together(
    click.option(
        "--build/--no-build", default=True, help="Build and push the image first, or use the pushed.  [build]"
    ),
    engine_option,
)
