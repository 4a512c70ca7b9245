"""Configuration: what can be set, its defaults, and where it is read from."""

from __future__ import annotations

from bentoml.configuration.device import chosen_device
from bentoml.configuration.load import bentoml_home, fix_config, get_config, is_debug
from bentoml.configuration.schema import Config

__all__ = ["Config", "bentoml_home", "chosen_device", "fix_config", "get_config", "is_debug"]
