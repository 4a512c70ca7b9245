"""`bentoml sagemaker deploy` and `update`."""

from __future__ import annotations

from typing import Any

import click

from bentoml.cli.aws_sagemaker import PLATFORM
from bentoml.cli.deployment_changes import Changes, engine_option
from bentoml.cli.deployment_options import read_pairs, together
from bentoml.cli.deployment_wishes import given_settings, refuse_image_of_other

_PAIRS: dict[str, Any] = {"multiple": True, "metavar": "NAME=VALUE", "callback": read_pairs}
_COUNT: dict[str, Any] = {"type": int, "metavar": "N"}
_OPTIONS = together(
    click.option("--region", metavar="NAME", help="Region of AWS.  [AWS_REGION, or that of the profile]"),
    click.option("--api-name", metavar="NAME", help="The API that answers.  [the only one]"),
    click.option("--instance-type", metavar="NAME", help="Kind of instances.  [ml.m4.xlarge]"),
    click.option("--instance-count", **_COUNT, help="Instances, or those to begin with.  [1]"),
    click.option("--num-of-gunicorn-workers-per-instance", **_COUNT, help="Workers of each server.  [configured]"),
    click.option("--timeout", type=int, metavar="SECONDS", help="For a request that is not batched.  [60]"),
    click.option(
        "--startup-timeout", type=int, metavar="SECONDS", help="For a container to answer first.  [SageMaker's]"
    ),
    click.option("--role", metavar="ARN", help="Role that SageMaker takes on.  [one of its own]"),
    click.option("--autoscale-min-size", **_COUNT, help="Fewest instances, with --autoscale-max-size."),
    click.option("--autoscale-max-size", **_COUNT, help="Most instances; 0 for a fixed number.  [0]"),
    click.option("--autoscale-invocations", **_COUNT, help="Requests per instance and minute to aim at.  [1000]"),
    click.option(
        "--data-capture-s3-prefix", metavar="ADDRESS", help="Keep requests and answers at s3://BUCKET/PREFIX."
    ),
    click.option("--data-capture-sample-percent", **_COUNT, help="How many of them, 1 to 100.  [100]"),
    click.option("--image", metavar="ADDRESS", help="Image in ECR to use, instead of building one."),
    click.option("--env", **_PAIRS, help="Variable of the containers; may be given several times."),
    engine_option,
)
"""One option for each field of `SageMakerOptions` that a user chooses."""


def _settings(options: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The settings of a deployment; 0 takes back that the instances are scaled."""
    settings = given_settings(options, before)
    if options["autoscale_max_size"] == 0:
        return {name: value for name, value in settings.items() if not name.startswith("autoscale_")}
    return settings


_CHANGES = Changes(PLATFORM, _OPTIONS, read=_settings, see=refuse_image_of_other)
deploy_command = _CHANGES.deploy_command()
update_command = _CHANGES.update_command()
