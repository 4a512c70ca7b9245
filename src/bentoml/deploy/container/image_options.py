"""What a user asks of an image, checked before anything is started."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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

    Raises:
        InvalidArgument: a name or platform is none, a file is missing, or a value has a line break.
    """

    tag: str | None = None
    push: bool = False
    build_args: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    archive: Path | None = None
    pip_config: Path | None = None
    netrc: Path | None = None
    verify: bool = True

    def __post_init__(self) -> None:
        for name, value in self.build_args.items():
            _check_build_arg(name, value)
        for platform in self.platforms:
            if not _PLATFORM.fullmatch(platform):
                raise InvalidArgument(f"{platform!r} is no platform; write it as os/architecture, such as linux/arm64")
        for secret_id, path in self.secrets.items():
            if not path.is_file():
                raise InvalidArgument(f"the file {path} for {secret_id} does not exist")
            # The programs take options that are separated by commas.
            if "," in str(path) or not str(path).isprintable():
                raise InvalidArgument(f"the path {str(path)!r} has a comma or control characters; choose another")

    @property
    def secrets(self) -> dict[str, Path]:
        """Files that only the build sees, by the names under which the Dockerfile asks for them."""
        given = {"pip_config": self.pip_config, "netrc": self.netrc}
        return {name: path for name, path in given.items() if path is not None}


def _check_build_arg(name: str, value: str) -> None:
    if not _ARGUMENT_NAME.fullmatch(name):
        raise InvalidArgument(f"{name!r} is no name of a build argument; write it as NAME=VALUE")
    if not isinstance(value, str) or any(not character.isprintable() for character in value):
        raise InvalidArgument(f"the value of the build argument {name} has a line break or another control character")
