"""`bentoml lambda deploy` and `update`."""

from __future__ import annotations

from bentoml.cli.aws_lambda import PLATFORM
from bentoml.cli.aws_options import env_option, image_option, region_option
from bentoml.cli.deployment_changes import Changes, engine_option
from bentoml.cli.deployment_options import together
from bentoml.cli.deployment_wishes import refuse_image_of_other
from bentoml.cli.option_kinds import number, text

_OPTIONS = together(
    region_option,
    text("api-name", "NAME", "The one API that gets a function.  [all]"),
    number("memory-size", "Memory of a function, 128 to 3008 in steps of 64.  [1024]", metavar="MB"),
    number("timeout", "Longest time for a request, 1 to 900.  [3]", metavar="SECONDS"),
    text("endpoint", "KIND", "http-api, function-url or none.  [http-api]"),
    text("architecture", "NAME", "x86_64 or arm64.  [x86_64]"),
    image_option,
    env_option,
    engine_option,
)
"""One option for each field of `LambdaOptions` that a user chooses."""
_CHANGES = Changes(PLATFORM, _OPTIONS, see=refuse_image_of_other)
deploy_command = _CHANGES.deploy_command()
update_command = _CHANGES.update_command()
