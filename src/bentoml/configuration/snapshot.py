"""A configuration on its way to another process, as JSON."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

from bentoml.configuration.keys import is_section
from bentoml.configuration.schema import Config


def to_json(config: Config) -> str:
    """Every value of a configuration."""
    return json.dumps(dataclasses.asdict(config))


def from_json(text: str | bytes) -> Config:
    """Read what `to_json` wrote; it was checked when it was made."""
    config: Config = _build(Config, json.loads(text))
    return config


def _build(schema: type[Any], values: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(schema)
    return schema(
        **{name: _build(hints[name], value) if is_section(hints[name]) else value for name, value in values.items()}
    )
