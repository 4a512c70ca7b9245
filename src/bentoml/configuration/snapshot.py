"""A configuration on its way to another process, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bentoml.configuration.schema import Config

if TYPE_CHECKING:
    from bentoml.configuration.key import Section


def to_json(config: Config) -> str:
    """Every value of a configuration."""
    return json.dumps(config.as_dict())


def from_json(text: str | bytes) -> Config:
    """Read what `to_json` wrote; it was checked when it was made."""
    config: Config = _build(Config, json.loads(text))
    return config


def _build(schema: type[Section], values: dict[str, Any]) -> Any:
    inner = {name: declaration.section for name, declaration in schema.declarations.items() if declaration.section}
    return schema(**{name: _build(inner[name], value) if name in inner else value for name, value in values.items()})
