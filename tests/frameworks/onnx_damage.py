"""Loads damaged ONNX files, one after the other, and prints how many were loaded and how many were refused.

    python -m tests.frameworks.onnx_damage cut|changed|random SEED COUNT DIRECTORY

The file that is being loaded stays in the directory when the process dies of it.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from bentoml.exceptions import ArtifactLoadingException
from bentoml.frameworks.onnx import OnnxModelArtifact
from tests.environments.late_import import late_import
from tests.frameworks import onnx_models

onnxruntime = late_import("onnxruntime")


def damaged(content: bytes, harm: str, numbers: random.Random) -> bytes:
    """The file of a model after some harm was done to it."""
    if harm == "cut":
        return content[: numbers.randrange(len(content))]
    if harm == "random":
        return numbers.randbytes(numbers.randrange(2000))
    changed = bytearray(content)
    for _ in range(numbers.choice([1, 1, 2, 5, 20])):
        changed[numbers.randrange(len(changed))] = numbers.randrange(256)
    return bytes(changed)


def main(harm: str, seed: str, count: str, directory: str) -> None:
    """Damage, load, count."""
    numbers = random.Random(int(seed))
    models = (onnx_models.iris(), onnx_models.sentences(), onnx_models.graph_of())
    contents = [model.SerializeToString() for model in models]
    onnxruntime.set_default_logger_severity(4)
    loaded = 0
    for _ in range(int(count)):
        Path(directory, "model.onnx").write_bytes(damaged(numbers.choice(contents), harm, numbers))
        try:
            OnnxModelArtifact("model").load(directory)
        except ArtifactLoadingException:
            continue
        loaded += 1
    print(loaded, int(count) - loaded)


if __name__ == "__main__":
    main(*sys.argv[1:])
