"""The step of a plan that builds the image which later steps use."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.container.build import containerize
from bentoml.deploy.container.image_options import ImageOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.deploy.plans import Workshop
    from bentoml.yatai.deployment_models import DeploymentResource


@dataclass(frozen=True)
class ImageStep:
    """Builds an image, which stays when the deployment goes: others may use it.

    Attributes:
        tag: of the bundle.
        image: what it is called.
        push: put it into the registry of its name.
        bundle: gives the directory of the bundle, when it is needed.
        engine: as in `containerize`.
        platforms: as in `ImageOptions`.
    """

    tag: str
    image: str
    push: bool
    bundle: Callable[[], Path]
    engine: str | None = None
    creates: tuple[DeploymentResource, ...] = ()
    platforms: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"build the image {self.image}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        engine = () if self.engine is None else ("--engine", self.engine)
        push = ("--push",) if self.push else ()
        platform = ("--platform", ",".join(self.platforms)) if self.platforms else ()
        return (shlex.join(["bentoml", "containerize", self.tag, "--tag", self.image, *push, *platform, *engine]),)

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        options = ImageOptions(self.image, push=self.push, platforms=self.platforms)
        containerize(self.bundle(), options, engine=self.engine, on_line=workshop.say)
