"""`bentoml lambda deploy` and `update`."""

from __future__ import annotations

from typing import Any

import click

from bentoml.cli.aws_lambda import PLATFORM
from bentoml.cli.deployment_changes import Changes, engine_option
from bentoml.cli.deployment_options import read_pairs, together
from bentoml.cli.deployment_wishes import refuse_image_of_other

_PAIRS: dict[str, Any] = {"multiple": True, "metavar": "NAME=VALUE", "callback": read_pairs}
_OPTIONS = together(
    click.option("--region", metavar="NAME", help="Region of AWS.  [AWS_REGION, or that of the profile]"),
    click.option("--api-name", metavar="NAME", help="The one API that gets a function.  [all]"),
    click.option("--memory-size", type=int, metavar="MB", help="Of a function, 128 to 3008 in steps of 64.  [1024]"),
    click.option("--timeout", type=int, metavar="SECONDS", help="Longest time for a request, 1 to 900.  [3]"),
    click.option("--endpoint", metavar="KIND", help="http-api, function-url or none.  [http-api]"),
    click.option("--architecture", metavar="NAME", help="x86_64 or arm64.  [x86_64]"),
    click.option("--image", metavar="ADDRESS", help="Image in ECR to use, instead of building one."),
    click.option("--env", **_PAIRS, help="Variable of the functions; may be given several times."),
    engine_option,
)
"""One option for each field of `LambdaOptions` that a user chooses."""
_CHANGES = Changes(PLATFORM, _OPTIONS, see=refuse_image_of_other)
deploy_command = _CHANGES.deploy_command()
update_command = _CHANGES.update_command()
