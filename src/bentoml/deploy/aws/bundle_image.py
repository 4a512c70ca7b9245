"""The image of the bundle itself, which some platforms run as it is and others build on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.aws.ecr_image import EcrImage, EcrName
from bentoml.deploy.aws.repository import Repository
from bentoml.deploy.container import ImageStep
from bentoml.deploy.container.image_name import image_name, name_of_service, tag_of_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.deploy.aws.place import Place
    from bentoml.deploy.plans import Step
    from bentoml.yatai.deployment_models import DeploymentSpec

PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""Platforms of images by the names that AWS has for processors."""


@dataclass(frozen=True)
class BundleImage:
    """The image of a bundle.

    Attributes:
        spec: names the bundle.
        platform: such as `linux/amd64`.
        bundle: gives the directory of the bundle with a tag, when it is needed.
        engine: as in `containerize`.
    """

    spec: DeploymentSpec
    platform: str
    bundle: Callable[[str], Path]
    engine: str | None = None

    @property
    def local_name(self) -> str:
        """What it is called on this machine: not as elsewhere, as it may be for other processors than that of it."""
        name = name_of_service(self.spec.bento_name)
        return image_name(self.spec.bento_name, self.spec.bento_version, f"bentoml-aws/{name}")

    def build(self) -> ImageStep:
        """The step that builds it on this machine."""
        tag = self.spec.bento_tag
        return ImageStep(tag, self.local_name, False, lambda: self.bundle(tag), self.engine, platforms=(self.platform,))

    def name_in(self, repository: str, place: Place) -> EcrName:
        """What it, or what is built on it, is called in a repository."""
        return EcrName(repository, tag_of_version(self.spec.bento_version), place)

    def steps(self, repository: str, owner: str, place: Place) -> tuple[Step, ...]:
        """The steps that put it into a repository of the deployment.

        Args:
            repository: name of the repository, which is made.
            owner: full name of the deployment.
            place: of the repository.
        """
        push = EcrImage(self.name_in(repository, place), self.local_name, self.engine)
        return (Repository(repository, owner, place), self.build(), push)
