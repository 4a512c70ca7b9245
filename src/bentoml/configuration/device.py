"""The device that models are loaded onto."""

from __future__ import annotations

import os
import re

from bentoml.configuration.load import get_config
from bentoml.configuration.schema import DEVICE
from bentoml.exceptions import BentoMLConfigException

DEVICE_VARIABLE = "BENTOML_DEVICE"


def chosen_device() -> str:
    """What `$BENTOML_DEVICE` says, else the key `bento_server.device`: `cpu`, `cuda`, `cuda:1` and so on.

    Whether the machine has such a device shows when a model is loaded onto it.

    Raises:
        BentoMLConfigException: the variable names no device, or the configuration cannot be used.
    """
    device = os.environ.get(DEVICE_VARIABLE, "")
    if not device:
        return get_config().bento_server.device
    if not re.fullmatch(DEVICE.pattern, device):
        raise BentoMLConfigException(f"environment variable {DEVICE_VARIABLE} must be {DEVICE.words}, not {device!r}")
    return device
