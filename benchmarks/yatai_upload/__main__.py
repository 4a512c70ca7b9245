"""A large upload whose client and server are killed again and again, and which comes to its end all the same.

    python -m benchmarks.yatai_upload --size-mb 2048

The client is the one of the library. Between it and the registry a relay counts what is sent, and kills one of the two
at each point of a list. In the end the digests on both sides are compared; the exit status is 0 when all is well.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import urllib3

from benchmarks.plain_table import markdown_table
from benchmarks.registry_process import run_command
from benchmarks.yatai_soak.bundle import MANIFEST
from benchmarks.yatai_upload.journey import Journey, Point
from bentoml.saved_bundle import load_bento_service_metadata
from bentoml.yatai.remote import open_registry
from bentoml.yatai.tree_reading import differences, read_tree

_PORTION_BYTES = 16 << 20
_COMING, _STAGED, _TAKEN = "yatai-uploads/*/*.part", "repository/.staging/*/bundle/bentoml.yml", "repository/.blobs/*/*"
MODEL = "Large/artifacts/model.pkl"


def write_bundle(directory: Path, size_bytes: int) -> str:
    """A bundle with a model of a size; the SHA-256 of the model."""
    (directory / "Large" / "artifacts").mkdir(parents=True)
    (directory / "bentoml.yml").write_text(MANIFEST.format(name="Large", version="1"))
    (directory / "Large" / "__init__.py").touch()
    chance, digest, left = random.Random(7), hashlib.sha256(), size_bytes
    with (directory / MODEL).open("wb") as file:
        while left:
            portion = chance.randbytes(min(left, _PORTION_BYTES))
            digest.update(portion)
            file.write(portion)
            left -= len(portion)
    return digest.hexdigest()


def points(size_bytes: int) -> list[Point]:
    """Where somebody is killed."""
    return [
        Point("client, after a quarter", "client", size_bytes // 4),
        Point("server, after half", "server", size_bytes // 2),
        Point("client, after three quarters", "client", 3 * size_bytes // 4),
        Point(
            "server, while it compares the digest",
            "server",
            sign=lambda home: _has_all(home, size_bytes),
            is_before_commit=True,
        ),
        Point("client, between last byte and commit", "client"),
        Point("server, between last byte and commit", "server"),
        Point("server, while it puts the files together", "server", sign=lambda home: any(home.glob(_STAGED))),
        Point("server, while it takes the contents in", "server", sign=lambda home: any(home.glob(_TAKEN))),
        Point("answer to the commit, lost", "answer"),
    ]


def _has_all(home: Path, size_bytes: int) -> bool:
    """Whether a content has come to its last byte, and is not known to be right."""
    with suppress(FileNotFoundError):  # it is right by now
        return any(path.stat().st_size == size_bytes for path in home.glob(_COMING))
    return False


def client(url: str, directory: Path) -> None:
    """Push a bundle, or go on with that."""
    open_registry(url).register(directory, load_bento_service_metadata(str(directory)))


def run(work: Path, size_bytes: int) -> int:
    """Upload, compare, and print what was seen; 0 when all is well."""
    bundle, home = work / "bundle", work / "home"
    digest = write_bundle(bundle, size_bytes)
    journey = Journey(home, bundle, points(size_bytes))
    began_s = time.monotonic()
    registry, relay = journey.make()
    took_s = time.monotonic() - began_s
    problems = _differences(registry.url, bundle, home, digest)
    memory_bytes = registry.most_memory_bytes
    status = registry.stop()
    relay.close()
    if status != 0:
        problems.append(f"the registry ended with {status}")
    status, text = run_command(home, "yatai", "check", "--deep")
    problems += [text] if status != 0 else []
    more = relay.sent_bytes - size_bytes
    sys.stdout.write(markdown_table(["killed", "when"], [[point.name, point.outcome] for point in journey.points]))
    sys.stdout.write(
        f"\n{size_bytes / 1e6:.0f} MB in {took_s:.1f} s, {journey.client_runs} clients, {journey.server_runs} servers; "
        f"sent more than once: {more / 1e6:.1f} MB ({100 * more / size_bytes:.1f} %); "
        f"memory of the last server: {memory_bytes / 1e6:.0f} MB at most\n"
    )
    for problem in problems:
        sys.stdout.write(f"PROBLEM {problem}\n")
    sys.stdout.write(f"{len(problems)} problems\n")
    return 1 if problems else 0


def _differences(url: str, bundle: Path, home: Path, digest: str) -> list[str]:
    """What is different on the two sides."""
    tree = read_tree(bundle)
    found = differences(home / "repository" / "Large" / "1", tree, deep=True)
    answer = urllib3.request("GET", f"{url}/api/v1/bundles/Large/1/files/{MODEL}", preload_content=False)
    downloaded = hashlib.sha256()
    for portion in answer.stream(_PORTION_BYTES):
        downloaded.update(portion)
    if downloaded.hexdigest() != digest:
        found.append(f"the model that is downloaded has the digest {downloaded.hexdigest()} instead of {digest}")
    told = urllib3.request("GET", f"{url}/api/v1/bundles/Large/1").json()["tree_digest"]
    if told != tree.digest:
        found.append(f"the registry tells the tree {told} instead of {tree.digest}")
    return found


def main() -> int:
    """Read the arguments."""
    if sys.argv[1:2] == ["client"]:
        client(sys.argv[2], Path(sys.argv[3]))
        return 0
    parser = argparse.ArgumentParser(description="A large upload that is interrupted again and again.")
    parser.add_argument("--size-mb", type=int, default=2048)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="yatai-upload-"))
    try:
        return run(work, options.size_mb << 20)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
