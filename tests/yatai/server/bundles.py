"""Bundles that tests send over HTTP, and how they do so."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx

from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.tree_reading import read_tree

MANIFEST = """\
version: 1.0.0
kind: BentoService
metadata:
  created_at: 2024-05-01 10:00:00.000000
  service_name: {name}
  service_version: {version}
  module_name: iris
  module_file: iris.py
env:
  python_version: 3.11.7
apis:
- {{name: predict, docs: Predicts., input_type: JsonInput, output_type: DefaultOutput, mb_max_batch_size: 10,
   mb_max_latency: 1000, batch: true, route: predict}}
artifacts:
- {{name: model, artifact_type: PickleArtifact, metadata: {{accuracy: 0.9}}}}
"""


def write_bundle(parent: Path, name: str = "Iris", version: str = "1", model: bytes = b"x" * 1000) -> Path:
    directory = parent / f"{name}-{version}"
    (directory / name / "artifacts").mkdir(parents=True)
    (directory / "bentoml.yml").write_text(MANIFEST.format(name=name, version=version))
    (directory / name / "iris.py").write_text("ANSWER = 42\n")
    (directory / name / "__init__.py").touch()
    (directory / name / "artifacts" / "model.pkl").write_bytes(model)
    (directory / "run.sh").write_text("#!/bin/sh\n")
    (directory / "run.sh").chmod(0o755)
    return directory


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def begin(
    client: httpx.Client, directory: Path, tag: str = "Iris:1", labels: dict[str, str] | None = None
) -> httpx.Response:
    name, version = tag.split(":")
    tree = httpx.Response(200, content=read_tree(directory).document).json()
    return client.post("/api/v1/uploads", json={"name": name, "version": version, "tree": tree, "labels": labels})


def send(client: httpx.Client, upload: str, digest: str, data: bytes, offset: int = 0) -> httpx.Response:
    return client.patch(
        f"/api/v1/uploads/{upload}/blobs/{digest}", content=data, headers={"upload-offset": str(offset)}
    )


def content_of(directory: Path, tree: BundleTree, digest: str) -> bytes:
    return next((directory / entry.path).read_bytes() for entry in tree if entry.digest == digest)


def push(client: httpx.Client, directory: Path, tag: str = "Iris:1", labels: dict[str, str] | None = None) -> Any:
    """The bundle, after all has gone well."""
    begun = begin(client, directory, tag, labels)
    assert begun.status_code == 200, begun.text
    state, tree = begun.json(), read_tree(directory)
    for item in state["missing"]:
        sent = send(client, state["id"], item["digest"], content_of(directory, tree, item["digest"]))
        assert sent.status_code == 204, sent.text
    done = client.post(f"/api/v1/uploads/{state['id']}/commit")
    assert done.status_code == 200, done.text
    return done.json()
