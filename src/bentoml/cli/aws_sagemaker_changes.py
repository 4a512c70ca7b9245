"""`bentoml sagemaker deploy` and `update`."""

from __future__ import annotations

from typing import Any

from bentoml.cli.aws_options import env_option, image_option, region_option
from bentoml.cli.aws_sagemaker import PLATFORM
from bentoml.cli.deployment_changes import Changes, engine_option
from bentoml.cli.deployment_options import together
from bentoml.cli.deployment_wishes import given_settings, refuse_image_of_other
from bentoml.cli.option_kinds import number, text

_OPTIONS = together(
    region_option,
    text("api-name", "NAME", "The API that answers.  [the only one]"),
    text("instance-type", "TYPE", "Type of the instances.  [ml.m4.xlarge]"),
    number("instance-count", "Instances, or those to begin with.  [1]"),
    number("num-of-gunicorn-workers-per-instance", "Worker processes of an instance.  [configured]"),
    number("timeout", "Longest time for a request that is not batched.  [60]", metavar="SECONDS"),
    number("startup-timeout", "Longest time until a container answers, 60 to 3600.  [SageMaker's]", metavar="SECONDS"),
    text("role", "ARN", "Role that SageMaker takes on.  [one of its own]"),
    number("autoscale-min-size", "Fewest instances, with --autoscale-max-size."),
    number("autoscale-max-size", "Most instances; 0 for a fixed number.  [0]", least=0),
    number("autoscale-invocations", "Requests of an instance in a minute to aim at when scaling.  [1000]"),
    text("data-capture-s3-prefix", "ADDRESS", "Keep requests and answers at s3://BUCKET/PREFIX."),
    number("data-capture-sample-percent", "How many of them, 1 to 100.  [100]"),
    image_option,
    env_option,
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
