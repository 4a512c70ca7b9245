"""TensorFlow is given the device that was chosen."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bentoml._models.tensorflow_device import prepare_tensorflow_device
from bentoml.exceptions import ArtifactLoadingException
from tests.environments.late_import import late_import

pytestmark = pytest.mark.environment("tensorflow")

tf = late_import("tensorflow")

FRESH = """
import json
import tensorflow as tf
from bentoml._models.tensorflow_device import prepare_tensorflow_device

name = prepare_tensorflow_device("cpu")
print(json.dumps([name, len(tf.config.get_visible_devices("GPU")), tf.constant(1).device]))
"""


def test_cpu_leaves_no_other_device_visible() -> None:
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    name, gpus, device = json.loads(done.stdout.splitlines()[-1])
    assert (name, gpus) == ("/CPU:0", 0)
    assert device.endswith("CPU:0")


def test_cpu_is_there_when_tensorflow_has_started() -> None:
    tf.constant(1)
    assert prepare_tensorflow_device("cpu") == "/CPU:0"


@pytest.mark.parametrize("device", ["cuda:99", "tpu:99", "xpu:99"])
def test_device_that_is_not_there_gets_an_error_with_those_that_are(device: str) -> None:
    with pytest.raises(ArtifactLoadingException, match=f"no device {device} here, only cpu.*; set BENTOML_DEVICE"):
        prepare_tensorflow_device(device)
