"""What a new version of a service with a large model costs when its image is built and pushed.

    python benchmarks/image_layers.py localhost:5000/benchmark [--engine podman] [--megabytes 700]

Three versions are built and pushed with `bentoml containerize --push`: the first, one with other code, and one with
another model. For each the seconds are printed, and the bytes of those layers that the registry did not have before.
Needs a registry without a password, over HTTP, and an engine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVICE = Path(__file__).resolve().parent / "services" / "layers.py"
VERSIONS = (("first", "code 1", 1), ("other code", "code 2", 1), ("other model", "code 2", 2))
"""What is new, a comment in the code, and the seed of the model."""
MANIFESTS = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


def save(version: str, code: str, megabytes: int, seed: int, home: Path) -> None:
    """Save a version of the service.

    Raises:
        subprocess.CalledProcessError: it could not be saved.
    """
    script = home / SERVICE.name
    script.write_text(SERVICE.read_text().replace("# CODE", f"# {code}"))
    argv = [sys.executable, script.name, version, str(megabytes), str(seed)]
    subprocess.run(argv, cwd=home, env={**os.environ, "BENTOML_HOME": str(home)}, check=True, capture_output=True)


def build_and_push(version: str, name: str, home: Path, words: Sequence[str]) -> float:
    """Build the image of a version and push it.

    Returns:
        The time that it took, seconds.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    argv = [sys.executable, "-m", "bentoml", "containerize", f"Layers:{version}", "-t", f"{name}:{version}", "--push"]
    began = time.monotonic()
    subprocess.run(
        [*argv, "--quiet", *words], env={**os.environ, "BENTOML_HOME": str(home)}, check=True, stdout=sys.stderr
    )
    return time.monotonic() - began


def layers_bytes(name: str, version: str) -> dict[str, int]:
    """Sizes of the layers of an image in its registry, by digest."""
    host, _, path = name.partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", f"/v2/{path}/manifests/{version}", headers={"Accept": MANIFESTS})
    layers = json.loads(connection.getresponse().read())["layers"]
    connection.close()
    return {layer["digest"]: layer["size"] for layer in layers}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", help="of the image, with its registry")
    parser.add_argument("--engine", help="as for bentoml containerize")
    parser.add_argument("--megabytes", type=int, default=700, help="size of the model")
    options = parser.parse_args(arguments)
    words = [] if options.engine is None else ["--engine", options.engine]
    known: dict[str, int] = {}
    home = Path(tempfile.mkdtemp(prefix="bentoml-layers-"))
    print("| What is new | Build and push, s | Bytes pushed, MB |\n|---|---|---|")
    try:
        for number, (what, code, seed) in enumerate(VERSIONS, 1):
            save(str(number), code, options.megabytes, seed, home)
            seconds = build_and_push(str(number), options.name, home, words)
            layers = layers_bytes(options.name, str(number))
            pushed = sum(size for digest, size in layers.items() if digest not in known)
            known.update(layers)
            print(f"| {what} | {seconds:.1f} | {pushed / 1e6:.1f} |", flush=True)
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
