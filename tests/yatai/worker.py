"""What the processes of `test_processes.py` do. Run as a script: `worker.py COMMAND ARGUMENT...`.

`at POINT save|delete ...` stops at a point inside an operation: it prints `reached`, then waits for a line on stdin.
`churn SEED COUNT BUNDLE...` waits for a line on stdin, then saves and deletes at random and prints a line per step.
`watch COUNT` lists and reads everything again and again, and fails when it sees anything half-done.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable, Collection
from pathlib import Path

from bentoml.configuration import bentoml_home
from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.client import get_yatai_client
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.repository import BentoRepository
from bentoml.yatai.sqlite_database import SqliteDatabase


class StoppingBlobStore(FileSystemBlobStore):
    """Keeps files as its base does, and stops at one point."""

    def __init__(self, root: Path, point: str) -> None:
        super().__init__(root)
        self._point = point

    def seal(self, staged: Path) -> None:
        self._stop("staged")
        super().seal(staged)

    def publish(self, staged: Path, uri: str) -> None:
        self._stop("before-publish")
        super().publish(staged, uri)
        self._stop("after-publish")

    def displace(self, uri: str, uid: str) -> None:
        self._stop("before-displace")
        super().displace(uri, uid)
        self._stop("after-displace")

    def sweep(self, needed: Callable[[Collection[str]], Collection[str]]) -> None:
        self._stop("before-sweep")
        super().sweep(needed)

    def _stop(self, here: str) -> None:
        if here == self._point:
            print("reached", flush=True)
            sys.stdin.readline()


def at(point: str, command: str, argument: str) -> None:
    home = bentoml_home()
    blobs = StoppingBlobStore(home / "repository", point)
    repository = BentoRepository(LocalRegistry(SqliteDatabase(home / "storage.db"), blobs))
    if command == "save":
        repository.upload_from_dir(argument)
    else:
        repository.delete(argument)
    print("done", flush=True)


def churn(seed: str, count: str, *bundles: str) -> None:
    dice = random.Random(seed)
    repository = get_yatai_client().repository
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(count)):
        bundle = dice.choice(bundles)
        try:
            if dice.random() < 0.6:
                repository.upload_from_dir(bundle)
            else:
                repository.delete(Path(bundle).name.replace("-", ":"))
        except (NotFound, YataiServiceRpcAborted):
            print("refused", flush=True)
        else:
            print("done", flush=True)


def watch(count: str) -> None:
    repository = get_yatai_client().repository
    print("ready", flush=True)
    sys.stdin.readline()
    seen = 0
    for _ in range(int(count)):
        for bento in repository.list(limit=1000):
            assert bento.status.status.name == "DONE"
            try:
                with repository.reading(bento) as path:
                    content = (path / bento.name / "artifacts" / "model.pkl").read_bytes()
                    digest = (path / "digest.txt").read_text()
            except NotFound:
                continue  # deleted since it was listed
            assert hashlib.sha256(content).hexdigest() == digest
            seen += 1
    print(f"seen {seen}", flush=True)


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {"at": at, "churn": churn, "watch": watch}
    commands[sys.argv[1]](*sys.argv[2:])
