"""What a program that builds images has to offer.

An engine turns a request into command lines and nothing else: it reads no file, starts no program. Every value of a
request stands in an argument of its own or after `=` in one, where no shell and no list of options takes it apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class ImageRequest:
    """One image to build.

    Attributes:
        context: directory with the Dockerfile and all that it copies; absolute.
        name: whole name of the image, with its tag.
        labels: of the image.
        build_args: for the `ARG` lines.
        platforms: none is that of the machine, several make one index of images.
        secrets: what only the build sees, as `--secret` takes it; without the values.
        push: put it into the registry of its name.
        archive: file for the OCI archive; absolute.
    """

    context: Path
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    push: bool = False
    archive: Path | None = None

    @property
    def has_many_platforms(self) -> bool:
        """Whether one name stands for several images."""
        return len(self.platforms) > 1


@dataclass(frozen=True)
class Command:
    """One command line.

    Attributes:
        argv: program and arguments.
        env: variables that are set for it.
        may_fail: whether the next one runs even if this one fails.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    may_fail: bool = False


class ContainerEngine(Protocol):
    """A program that builds images."""

    @property
    def name(self) -> str:
        """Name of the program."""
        ...

    def commands(self, request: ImageRequest) -> tuple[Command, ...]:
        """What to run, in this order.

        Raises:
            InvalidArgument: the program cannot do what is asked; the text says which one can.
        """
        ...


def build_options(request: ImageRequest) -> list[str]:
    """Arguments of `build` that all programs understand alike: all but the name, the platform and the context."""
    options = ["--file", str(request.context / "Dockerfile")]
    options += [f"--label={key}={value}" for key, value in request.labels.items()]
    options += [f"--build-arg={key}={value}" for key, value in request.build_args.items()]
    options += [f"--secret={secret}" for secret in request.secrets]
    return options
