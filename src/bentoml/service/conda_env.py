"""The conda environment a service asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bentoml.exceptions import InvalidArgument

DEFAULT_NAME = "bentoml-default-conda-env"


@dataclass
class CondaEnv:
    """Channels and dependencies on top of an optional environment file.

    Attributes:
        channels: replace those of the file.
        dependencies: stand before those of the file.
        override_channels: use no channel but the ones named.
        env_yml_file: path of the environment file, read each time the environment is written.
    """

    channels: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    override_channels: bool = False
    env_yml_file: str | None = None

    def __post_init__(self) -> None:
        if self.override_channels and not self.channels and self.env_yml_file is None:
            raise InvalidArgument("conda_override_channels needs conda_channels to use instead of the default ones")

    @property
    def is_declared(self) -> bool:
        """Whether the service needs conda at all."""
        return bool(self.dependencies) or self.env_yml_file is not None

    def to_dict(self) -> dict[str, Any]:
        """The environment as conda reads it.

        Raises:
            InvalidArgument: the environment file is missing or no mapping, or the default channels are switched off
                and there are no others.
        """
        environment = self._base()
        channels = list(self.channels or environment.get("channels") or [])
        if self.override_channels:
            if not channels:
                raise InvalidArgument("conda_override_channels needs channels to use instead of the default ones")
            channels = [*(channel for channel in channels if channel != "nodefaults"), "nodefaults"]
        if channels:
            environment["channels"] = channels
        environment["dependencies"] = [*self.dependencies, *(environment.get("dependencies") or [])]
        return environment

    def to_yaml(self) -> str:
        """The text of `environment.yml`."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    def _base(self) -> dict[str, Any]:
        if self.env_yml_file is None:
            return {"name": DEFAULT_NAME}
        path = Path(self.env_yml_file).expanduser()
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InvalidArgument(f"conda_env_yml_file {self.env_yml_file!r} can not be read: {error}") from error
        if not isinstance(content, dict):
            raise InvalidArgument(f"conda_env_yml_file {self.env_yml_file!r} does not hold an environment")
        return content
