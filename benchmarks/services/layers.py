"""A service whose model is as large as was asked; a line of its code differs from one version to the next.

python layers.py VERSION MEGABYTES SEED
"""

import random
import sys

import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import PickleArtifact


@bentoml.artifacts([PickleArtifact("weights")])
class Layers(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def count(self, number):
        return number + len(self.artifacts.weights)  # CODE


if __name__ == "__main__":
    _, version, megabytes, seed = sys.argv
    source = random.Random(int(seed))
    service = Layers()
    service.pack("weights", [source.randbytes(1_000_000) for _ in range(int(megabytes))])
    service.save(version=version)
