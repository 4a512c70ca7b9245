"""The way of an image into the registry of a deployment."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.azure.az import ASK_LIMIT_S
from bentoml.deploy.container import ImageStep
from bentoml.deploy.container.engines import choose_engine
from bentoml.deploy.plans import Program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.deploy.azure.az import Place
    from bentoml.deploy.plans import Step, Workshop
    from bentoml.yatai.deployment_models import DeploymentResource

PLATFORMS = ("linux/amd64",)
"""Azure runs no other."""


@dataclass(frozen=True)
class ImageSource:
    """From what images are made.

    Attributes:
        bundle: gives the directory of the bundle with a tag, when it is needed.
        engine: as in `containerize`.
    """

    bundle: Callable[[str], Path]
    engine: str | None = None

    def steps(self, place: Place, registry: str, tag: str, image: str) -> tuple[Step, ...]:
        """The steps that put the image of a bundle into a registry.

        Args:
            place: of the registry.
            registry: its name.
            tag: of the bundle.
            image: whole name of the image.
        """
        build = ImageStep(tag, image, True, lambda: self.bundle(tag), self.engine, platforms=PLATFORMS)
        return (RegistryLogin(place, registry, self.engine), build)


@dataclass(frozen=True)
class RegistryLogin:
    """Lets the engine push for some hours; the password goes from az to the engine, and is never seen here.

    Attributes:
        place: of the registry.
        registry: its name.
        engine: as in `containerize`.
    """

    place: Place
    registry: str
    engine: str | None = None
    creates: tuple[DeploymentResource, ...] = ()

    @property
    def title(self) -> str:
        """See `Step`."""
        return f"log in to the registry {self.registry}"

    def lines(self) -> tuple[str, ...]:
        """See `Step`."""
        engine = "" if self.engine is None else f"DOCKER_COMMAND={shlex.quote(self.engine)} "
        return (f"{engine}{shlex.join(self._argv())}",)

    def run(self, workshop: Workshop) -> None:
        """See `Step`."""
        env = {"DOCKER_COMMAND": choose_engine(self.engine).name}
        Program(self.title, self._argv(), secret_env=env, timeout_s=ASK_LIMIT_S).run(workshop)

    def _argv(self) -> tuple[str, ...]:
        return self.place.az("acr", "login", f"--name={self.registry}", "--output=none")
