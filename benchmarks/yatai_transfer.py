"""How long a large bundle takes to a registry and back, beside what curl needs for the same bytes.

    python -m benchmarks.yatai_transfer --mib 1024

Client, server and curl are on one machine, and so is the disk that both ends write to.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.plain_table import markdown_table
from bentoml.saved_bundle import load_bento_service_metadata
from bentoml.types import Tag
from bentoml.yatai.remote import RemoteSettings, open_registry
from bentoml.yatai.tree_reading import read_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bentoml.yatai.remote import RemoteRegistry

MIB = 1 << 20
MANIFEST = """\
version: 1.0.0
kind: BentoService
metadata: {{created_at: 2024-05-01 10:00:00.000000, service_name: Large, service_version: '{version}',
  module_name: large, module_file: large.py}}
env: {{python_version: 3.11.7}}
apis: []
artifacts: []
"""


def write_bundle(directory: Path, version: str, model: Path) -> Path:
    """A bundle that is a model and little else; the model is a link."""
    bundle = directory / f"Large-{version}"
    (bundle / "Large" / "artifacts").mkdir(parents=True)
    (bundle / "Large" / "large.py").write_text("ANSWER = 42\n")
    (bundle / "bentoml.yml").write_text(MANIFEST.format(version=version))
    (bundle / "Large" / "artifacts" / "model.bin").hardlink_to(model)
    names = sorted(path for path in bundle.rglob("*") if path.is_file())
    lines = [f"{digest_of(path)}  {path.relative_to(bundle)}\n" for path in names]
    (bundle / "SHA256SUMS").write_text("".join(lines))
    return bundle


def digest_of(path: Path) -> str:
    """SHA-256 in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(MIB):
            found.update(chunk)
    return found.hexdigest()


@contextmanager
def running_registry(home: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of a registry with an empty home."""
    command = [sys.executable, "-m", "bentoml", "yatai-service-start", "--ui-port", "0", "--no-ui"]
    environment = {**os.environ, "BENTOML_HOME": str(home)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = None
            while found is None:
                line = process.stdout.readline()
                if not line:
                    raise SystemExit("the registry did not start")
                found = re.match(r"\* Listening on (\S+)", line)
            yield found[1], process.pid
        finally:
            process.terminate()
            process.communicate()


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def curl(*arguments: str) -> None:
    """Run curl; an answer that is an error ends the run."""
    program = shutil.which("curl")
    if program is None:
        raise SystemExit("curl is not installed")
    command = [program, "--silent", "--show-error", "--fail", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def curl_upload(registry: RemoteRegistry, bundle: Path, model: Path) -> float:
    """Send the model alone, to an upload that is never ended."""
    tree = read_tree(bundle)
    document = {"name": "Large", "version": "0", "tree": tree.to_json()}
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        upload = client.post("/api/v1/uploads", json=document).raise_for_status().json()["id"]
        entry = tree.find("Large/artifacts/model.bin")
        assert entry is not None
        url = f"{registry.url}/api/v1/uploads/{upload}/blobs/{entry.digest}"
        taken_s = seconds(lambda: curl("-X", "PATCH", "-T", str(model), "-H", "upload-offset: 0", url))
        client.delete(f"/api/v1/uploads/{upload}").raise_for_status()
    return taken_s


def peak_mib(pid: int) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")


def read(registry: RemoteRegistry, version: str) -> None:
    """Have the files of a bundle on this machine."""
    with registry.reading(registry.find(Tag("Large", version))):
        pass


def measure(scratch: Path, mib: int) -> list[tuple[str, float]]:
    """Seconds of each way, by name; the last two are peaks of memory in MiB."""
    model = scratch / "model.bin"
    with model.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
    bundles = {version: write_bundle(scratch, version, model) for version in ("0", "1", "2")}
    with running_registry(scratch / "server") as (url, pid):
        registry = open_registry(url, RemoteSettings(cache_directory=scratch / "client"))
        # Twice, as the first one finds memory and disk in another state than all others.
        for _ in range(2):
            copied_s = seconds(lambda: shutil.copyfile(model, scratch / "copy.bin"))
        sent_s = curl_upload(registry, bundles["0"], model)
        pushed_s = seconds(lambda: registry.register(bundles["1"], load_bento_service_metadata(bundles["1"])))
        again_s = seconds(lambda: registry.register(bundles["2"], load_bento_service_metadata(bundles["2"])))
        file_url = f"{url}/api/v1/bundles/Large/1/files/Large/artifacts/model.bin"
        loaded_s = seconds(lambda: curl("-o", str(scratch / "loaded.bin"), file_url))
        pulled_s = seconds(lambda: read(registry, "1"))
        other_s = seconds(lambda: read(registry, "2"))
        memory = [("client, MiB", peak_mib(os.getpid())), ("server, MiB", peak_mib(pid))]
    return [
        ("copy of the model", copied_s),
        ("curl, to an upload", sent_s),
        ("push", pushed_s),
        ("push of the next version", again_s),
        ("curl, of the file", loaded_s),
        ("first reading", pulled_s),
        ("reading of the next version", other_s),
        *memory,
    ]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024, help="size of the model  [1024]")
    parser.add_argument("--directory", type=Path, help="where to write six times as much; else a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as scratch:
        found = measure(Path(scratch), arguments.mib)
    rows = [(name, f"{taken_s:.2f}", f"{arguments.mib / taken_s:.0f}") for name, taken_s in found[:-2]]
    print(markdown_table(("way", "seconds", "MiB/s"), rows))
    print()
    print(", ".join(f"most memory of the {name}: {mib:.0f}" for name, mib in found[-2:]))


if __name__ == "__main__":
    main()
