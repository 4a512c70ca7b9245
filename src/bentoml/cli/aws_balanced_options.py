"""The options that `bentoml ec2` and `bentoml ecs` share."""

from __future__ import annotations

from typing import Any

from bentoml.cli.aws_options import env_option
from bentoml.cli.deployment_changes import engine_option
from bentoml.cli.deployment_options import together
from bentoml.cli.deployment_wishes import given_settings
from bentoml.cli.option_kinds import flag, number, several, text

balanced_options = together(
    text("image", "ADDRESS", "Image to use, with its tag or digest, instead of building one."),
    env_option,
    text("certificate", "ARN", "Certificate for https.  [http]"),
    several("allow-from", "allow_from", "RANGE", "Addresses that may send requests, such as 10.0.0.0/8"),
    text("vpc", "ID", "Network to use.  [one of its own]"),
    several("subnet", "subnets", "ID", "Subnet of the network for the load balancer, of two zones or more"),
    several("server-subnet", "server_subnets", "ID", "Subnet for servers without public addresses"),
    flag("internal", "Give the load balancer no public address, or one.  [one]"),
    engine_option,
)
"""One option for each field of `BalancedOptions` that a user chooses, and what builds the image."""
cpu_target_option = number(
    "cpu-target-percent", "Use of processors to aim at when scaling; 0 looks away.  [70]", least=0
)


def balanced_settings(options: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The settings of a deployment: those of before, with those that are given in their place.

    Args:
        options: of the command line, by the names of the fields.
        before: settings of the record; empty for a new one.
    """
    settings = given_settings(options, before)
    if options["cpu_target_percent"] == 0:
        settings["cpu_target_percent"] = None
    return settings
