"""`bentoml ecs deploy` and `update`."""

from __future__ import annotations

from bentoml.cli.aws_balanced_options import balanced_options, balanced_settings, cpu_target_option
from bentoml.cli.aws_ecs import PLATFORM
from bentoml.cli.aws_options import region_option
from bentoml.cli.deployment_changes import Changes
from bentoml.cli.deployment_options import together
from bentoml.cli.deployment_wishes import refuse_image_of_other
from bentoml.cli.option_kinds import number, pairs, text

_OPTIONS = together(
    region_option,
    number("cpu", "Processors of a task, in units, 1024 of which are one: 256 to 16384.  [1024]"),
    number("memory", "Memory of a task, MiB.  [2048]"),
    text("architecture", "NAME", "x86_64 or arm64.  [x86_64]"),
    number("replicas", "Tasks; the least of them when they scale.  [1]"),
    number("max-replicas", "Most tasks, as the load needs them.  [no scaling]"),
    cpu_target_option,
    number("requests-target", "Requests of a task in a minute to aim at when scaling.  [look away]"),
    number("workers", "Worker processes of a task.  [configured]"),
    number("storage", "Disk of a task, GiB, 21 to 200.  [20]"),
    pairs("secret", "NAME=ARN", "Variable out of Secrets Manager or a parameter of SSM", "secrets"),
    text("task-role", "ARN", "Role that the code of the bundle has.  [none]"),
    balanced_options,
)
"""One option for each field of `EcsOptions` that a user chooses."""
_CHANGES = Changes(PLATFORM, _OPTIONS, read=balanced_settings, see=refuse_image_of_other)
deploy_command = _CHANGES.deploy_command()
update_command = _CHANGES.update_command()
