"""`bentoml ec2 deploy` and `update`."""

from __future__ import annotations

from bentoml.cli.aws_balanced_options import balanced_options, balanced_settings, cpu_target_option
from bentoml.cli.aws_ec2 import PLATFORM
from bentoml.cli.aws_options import region_option
from bentoml.cli.deployment_changes import Changes
from bentoml.cli.deployment_options import together
from bentoml.cli.deployment_wishes import refuse_image_of_other
from bentoml.cli.option_kinds import number, text

_OPTIONS = together(
    region_option,
    number("min-size", "Fewest instances.  [1]", field="autoscale_min_size"),
    number("desired-capacity", "Instances at first.  [1]", field="autoscale_desired_capacity"),
    number("max-size", "Most instances.  [1]", field="autoscale_max_size"),
    cpu_target_option,
    text("instance-type", "TYPE", "Type of the instances.  [t2.micro]"),
    text("ami-id", "AMI", "Image of the disk, or the parameter of SSM with it.  [the newest Amazon Linux 2023]"),
    number("disk", "Size of the disk, GiB.  [30]"),
    balanced_options,
)
"""One option for each field of `Ec2Options` that a user chooses."""
_CHANGES = Changes(PLATFORM, _OPTIONS, read=balanced_settings, see=refuse_image_of_other)
deploy_command = _CHANGES.deploy_command()
update_command = _CHANGES.update_command()
