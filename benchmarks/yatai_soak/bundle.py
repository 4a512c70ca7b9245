"""Small bundles, made in memory."""

from __future__ import annotations

import hashlib
import random

from bentoml.yatai.bundle_tree import BundleTree, TreeEntry

MANIFEST = """\
version: 1.0.0
kind: BentoService
metadata: {{created_at: 2024-05-01 10:00:00.000000, service_name: {name}, service_version: {version},
  module_name: soak, module_file: soak.py}}
env: {{python_version: 3.11.7}}
apis:
- {{name: predict, docs: Predicts., input_type: JsonInput, output_type: DefaultOutput, mb_max_batch_size: 10,
   mb_max_latency: 1000, batch: true, route: predict}}
artifacts:
- {{name: model, artifact_type: PickleArtifact, metadata: {{accuracy: 0.9}}}}
"""
MODEL_BYTES = 200_000
OWN_BYTES = 20_000
MODELS = 5


def make_bundle(name: str, version: str, chance: random.Random) -> dict[str, bytes]:
    """Files of a bundle by path: one of a few models, which other bundles share, and something of its own."""
    model = random.Random(chance.randrange(MODELS)).randbytes(MODEL_BYTES)
    return {
        "bentoml.yml": MANIFEST.format(name=name, version=version).encode(),
        f"{name}/soak.py": b"ANSWER = 42\n",
        f"{name}/artifacts/model.pkl": model,
        f"{name}/artifacts/scaler.pkl": chance.randbytes(OWN_BYTES),
        f"{name}/__init__.py": b"",
    }


def tree_of(files: dict[str, bytes]) -> BundleTree:
    """The list of the files."""
    return BundleTree.of(
        TreeEntry(path, len(data), digest_of(data).removeprefix("sha256:")) for path, data in files.items()
    )


def digest_of(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
