"""Addresses of images in ECR."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bentoml.exceptions import InvalidArgument

_address = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu)/([a-z0-9._/-]+)([:@].+)?")
_is_version = re.compile(r":[A-Za-z0-9_.-]+|(:[A-Za-z0-9_.-]+)?@sha256:[0-9a-f]{64}").fullmatch


@dataclass(frozen=True)
class EcrAddress:
    """What the address of an image says.

    Attributes:
        account: number of the account that has the repository.
        region: of the repository.
        repository: its name.
        version: tag with `:`, or digest with `@`, or both; empty for none.
    """

    account: str
    region: str
    repository: str
    version: str

    @classmethod
    def of(cls, image: str) -> EcrAddress | None:
        """That of an image; None for one that is elsewhere."""
        found = _address.fullmatch(image)
        return None if found is None else cls(found[1], found[2], found[3], found[4] or "")

    @property
    def arn(self) -> str:
        """The ARN of the repository, as `Fn::Sub` reads it."""
        return f"arn:${{AWS::Partition}}:ecr:{self.region}:{self.account}:repository/{self.repository}"


def own_repository(name: str) -> str:
    """The ARN of a repository of the account and the region of a stack, as `Fn::Sub` reads it."""
    return EcrAddress("${AWS::AccountId}", "${AWS::Region}", name, "").arn


def check_image_of_ecr(image: str | None, region: str, platform: str) -> None:
    """Refuse an image that a platform of AWS cannot pull; None is none.

    Args:
        image: its address.
        region: where it shall run.
        platform: takes images of ECR in its own region alone.

    Raises:
        InvalidArgument: it is not in ECR, has neither tag nor digest, or is in another region.
    """
    if image is None:
        return
    found = EcrAddress.of(image)
    if found is None or not _is_version(found.version):
        raise InvalidArgument(
            f"image cannot be {image!r}: {platform} takes images of ECR alone, such as "
            f"123456789012.dkr.ecr.{region}.amazonaws.com/iris:1"
        )
    if found.region != region:
        raise InvalidArgument(
            f"image cannot be {image!r}: {platform} takes images of its own region alone, {region}; push it there"
        )
