"""What will be done on a platform: files, and the steps that use them, in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.deploy.plans.workshop import Workshop
    from bentoml.yatai.deployment_models import DeploymentResource


class Step(Protocol):
    """One thing to do. It may be done again: what is there already is changed to what is wanted."""

    @property
    def title(self) -> str:
        """What it does, in a few words."""
        ...

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        """What exists after it, and may exist when it has failed."""
        ...

    def lines(self) -> tuple[str, ...]:
        """What a person would type, or ask an interface for, to do the same; without secrets."""
        ...

    def run(self, workshop: Workshop) -> None:
        """Do it.

        Raises:
            BentoMLException: it could not be done; the text says why.
        """
        ...


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes:
        files: texts by name; names are relative, with `/`.
        steps: in this order.
        notes: what a person should know, a sentence each.

    Raises:
        InvalidArgument: a name of a file leads elsewhere.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.files:
            path = PurePosixPath(name)
            if not path.parts or path.is_absolute() or ".." in path.parts or str(path) != name:
                raise InvalidArgument(f"{name!r} cannot be the name of a file of a plan")

    @property
    def creates(self) -> tuple[DeploymentResource, ...]:
        """All that exists after it."""
        return tuple(resource for step in self.steps for resource in step.creates)
