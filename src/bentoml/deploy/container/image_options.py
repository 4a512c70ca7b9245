"""What a user asks of an image, checked before anything is started."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bentoml.deploy.container.build_secret import BuildSecret
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ARGUMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLATFORM = re.compile(r"[a-z0-9_]+/[a-z0-9_]+(/[a-z0-9_.]+)?")


@dataclass(frozen=True)
class ImageOptions:
    """What is wanted beside the bundle.

    Args:
        tag: name of the image, with or without a tag; None makes it from the service.
        push: put the image into the registry that its name says.
        build_args: values for the `ARG` lines of the Dockerfile.
        platforms: such as `linux/arm64`; none is that of the machine, several make one index of images.
        archive: file to write the image to, as an OCI archive; it is replaced.
        pip_config: a pip.conf that only the build sees, for credentials of a package index.
        netrc: a netrc file that only the build sees.
        verify: check the digests of the bundle's files first.
        secrets: more of what only the build sees.

    Raises:
        InvalidArgument: a name or platform is none, a file is missing, a value has a line break, or two secrets have
            one id.
    """

    tag: str | None = None
    push: bool = False
    build_args: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    archive: Path | None = None
    pip_config: Path | None = None
    netrc: Path | None = None
    verify: bool = True
    secrets: tuple[BuildSecret, ...] = ()

    def __post_init__(self) -> None:
        for name, value in self.build_args.items():
            _check_build_arg(name, value)
        for platform in self.platforms:
            if not _PLATFORM.fullmatch(platform):
                raise InvalidArgument(f"{platform!r} is no platform; write it as os/architecture, such as linux/arm64")
        ids = [secret.id for secret in self.all_secrets]
        for secret_id in ids:
            if ids.count(secret_id) > 1:
                raise InvalidArgument(f"the secret {secret_id} is given more than once")

    @property
    def all_secrets(self) -> tuple[BuildSecret, ...]:
        """The two files and the other secrets."""
        files = {"pip_config": self.pip_config, "netrc": self.netrc}
        return (*(BuildSecret(name, path) for name, path in files.items() if path is not None), *self.secrets)


def _check_build_arg(name: str, value: str) -> None:
    if not _ARGUMENT_NAME.fullmatch(name):
        raise InvalidArgument(f"{name!r} is no name of a build argument; write it as NAME=VALUE")
    if not isinstance(value, str) or any(not character.isprintable() for character in value):
        raise InvalidArgument(f"the value of the build argument {name} has a line break or another control character")
