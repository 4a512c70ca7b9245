"""Configuration: what can be set, its defaults, and where it is read from."""

from __future__ import annotations

from bentoml.configuration.load import bentoml_home, get_config, is_debug, load_config
from bentoml.configuration.schema import Config

__all__ = ["Config", "bentoml_home", "get_config", "is_debug", "load_config"]
