"""The pod of an InferenceService, run by podman and asked over the Open Inference Protocol by a client of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tritonclient.http as triton
import yaml

from tests.deploy.containers.machine import Machine
from tests.deploy.containers.pods import Pod
from tests.deploy.containers.running import BENTOML, MARKS, save
from tests.deploy.kubernetes.test_models import OF_PODS

pytestmark = MARKS
SERVICE = """
import bentoml
from bentoml.adapters import NumpyNdarrayInput


@bentoml.env(pip_packages=["numpy"])
class Doubler(bentoml.BentoService):
    @bentoml.api(input=NumpyNdarrayInput(), batch=True)
    def predict(self, array):
        return array * 2


Doubler().save(version="3")
"""


def test_container_of_an_inference_service_answers_the_protocol(machine: Machine, tmp_path: Path) -> None:
    home, name = str(tmp_path / "home"), "localhost/doubler-v2"
    save(SERVICE, tmp_path / "home", tmp_path)
    machine.run(BENTOML, "containerize", "Doubler:3", "--tag", name, "--engine", "podman", BENTOML_HOME=home)
    words = ("manifests", "doubler", "-b", "Doubler:3", "--image", f"{name}:3", "--form", "kserve")
    predictor = yaml.safe_load(machine.run(BENTOML, "kubernetes", *words, BENTOML_HOME=home))["spec"]["predictor"]
    spec = {name: value for name, value in predictor.items() if name not in OF_PODS}
    with Pod(machine, spec, "doubler-v2", tmp_path) as pod:
        client = triton.InferenceServerClient(f"127.0.0.1:{pod.port}", connection_timeout=60, network_timeout=60)
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("Doubler")
        assert client.get_model_metadata("Doubler")["versions"] == ["3"]
        rows = np.array([[1, 2], [3, 4]], dtype="float32")
        for is_binary in (True, False):
            tensor = triton.InferInput("x", list(rows.shape), "FP32")
            tensor.set_data_from_numpy(rows, binary_data=is_binary)
            assert np.array_equal(client.infer("Doubler", [tensor]).as_numpy("output-0"), rows * 2)
        client.close()
        assert pod.leave() == 0
