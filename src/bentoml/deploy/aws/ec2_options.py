"""What a user asks of a deployment on EC2, checked before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.balanced_options import BalancedOptions, check_all
from bentoml.deploy.plans import check_number, read_settings
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{}"
_is_instance_type = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+").fullmatch
_is_image = re.compile(r"ami-[0-9a-f]{8,17}|/aws/service/[A-Za-z0-9_./-]+").fullmatch
# The letters after the number of a family: g stands for processors of AWS, which are arm64.
_is_arm = re.compile(r"(a1|[a-z]+\d+[a-z]*g[a-z-]*)\.").match
MOST_INSTANCES = 1000
LEAST_DISK_GIB, MOST_DISK_GIB = 8, 16384


@dataclass(frozen=True)
class Ec2Options(BalancedOptions):
    """How a deployment runs on instances of EC2.

    Args:
        instance_type: such as `t2.micro`.
        ami_id: image of the disk, or the parameter of SSM that names it; None is the newest Amazon Linux 2023.
        autoscale_min_size: fewest instances.
        autoscale_desired_capacity: instances at first.
        autoscale_max_size: most instances.
        cpu_target_percent: mean use of processors that scaling aims at; None leaves the number to others.
        disk: size of the disk, GiB.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    instance_type: str = "t2.micro"
    ami_id: str | None = None
    autoscale_min_size: int = 1
    autoscale_desired_capacity: int = 1
    autoscale_max_size: int = 1
    cpu_target_percent: int | None = 70
    disk: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        check_all("instance_type", [self.instance_type], _is_instance_type, "t2.micro")
        images = () if self.ami_id is None else (self.ami_id,)
        check_all("ami_id", images, _is_image, f"ami-0123456789abcdef0 or {_PARAMETER.format('x86_64')}")
        least, first, most = (
            self.autoscale_min_size,
            self.autoscale_desired_capacity,
            self.autoscale_max_size,
        )
        check_number("autoscale_min_size", least, 1, MOST_INSTANCES)
        check_number("autoscale_max_size", most, 1, MOST_INSTANCES)
        if not least <= first <= most:
            raise InvalidArgument(
                "autoscale_min_size <= autoscale_desired_capacity <= autoscale_max_size must hold, and it is "
                f"{least}, {first}, {most}"
            )
        check_number("cpu_target_percent", self.cpu_target_percent, 1, 100)
        check_number("disk", self.disk, LEAST_DISK_GIB, MOST_DISK_GIB)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Ec2Options:
        """The options out of the settings of a record.

        Raises:
            InvalidArgument: one is unknown, missing, or cannot be.
        """
        return cls(**read_settings(cls, config, "AWS EC2"))

    @property
    def architecture(self) -> str:
        """Of the instances: `x86_64` or `arm64`."""
        return "arm64" if _is_arm(self.instance_type) else "x86_64"

    @property
    def ami(self) -> str:
        """The image of the disk, as a value of the template."""
        found = self.ami_id or _PARAMETER.format(self.architecture)
        return found if found.startswith("ami-") else f"{{{{resolve:ssm:{found}}}}}"

    @property
    def scales(self) -> bool:
        """Whether the number of instances follows the load."""
        return self.autoscale_min_size < self.autoscale_max_size and self.cpu_target_percent is not None
