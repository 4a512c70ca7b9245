"""Changes of a registry by children that are killed at one step. Run as a script: `kill_points.py`.

Reads lines `STEP CHANGE DATABASE_URL ROOT BUNDLES`, and answers each with `killed`, or with `ended` and how many steps
there are. A step is whatever changes files or rows: the making, linking, renaming and removing of files and
directories, the opening of a file for writing, each statement that writes, each commit. The child dies just before.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.types import Tag
from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.database import Database
from bentoml.yatai.database_address import open_database
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.models import utc_now
from bentoml.yatai.repository import BentoRepository
from bentoml.yatai.server.receiver import Upload
from bentoml.yatai.server.trees import Trees
from bentoml.yatai.server.uploads import Uploads
from bentoml.yatai.tree_reading import read_tree

FILE_STEPS = frozenset({"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PORTION_BYTES = 400


class Subject:
    """A registry in a directory, with a bundle that shares a file with the one that is changed.

    Args:
        database: of the catalog.
        root: holds the files.
        bundles: has the directories `Other-1` and `Iris-1`.
        clock: gives the time to uploads.
    """

    def __init__(self, database: Database, root: Path, bundles: Path, clock: Callable[[], datetime] = utc_now) -> None:
        self.store = FileSystemBlobStore(root / "repository")
        self.registry = LocalRegistry(database, self.store)
        self.repository = BentoRepository(self.registry)
        self.bundles = bundles
        self.uploads = Uploads(database, self.registry, Trees(self.registry), root / "uploads", 1 << 30, clock)

    def prepare(self, change: str) -> None:
        """What has to be there before the change."""
        self.repository.upload_from_dir(str(self.bundles / "Other-1"))
        if change not in {"save", "upload"}:
            self.repository.upload_from_dir(str(self.bundles / "Iris-1"))
        if change == "restore":
            self.repository.delete("Iris:1")

    def save(self) -> None:
        """Save `Iris:1`, unless it is there."""
        with suppress(YataiServiceRpcAborted):
            self.repository.upload_from_dir(str(self.bundles / "Iris-1"))

    def upload(self) -> None:
        """Upload `Iris:1`, or go on with that."""
        directory = self.bundles / "Iris-1"
        tree = read_tree(directory)
        upload = self.uploads.begin(Tag("Iris", "1"), json.loads(tree.document), None, "ann")
        if not isinstance(upload, Upload):
            return
        paths = {entry.digest: entry.path for entry in tree}
        for item in self.uploads.missing(upload):
            data = (directory / paths[item.digest]).read_bytes()
            self._send(upload, item.digest, data, item.offset)
        self.uploads.commit(upload, "ann")

    def _send(self, upload: Upload, digest: str, data: bytes, offset: int) -> None:
        while True:
            portion = data[offset : offset + PORTION_BYTES]
            with self.uploads.receiving(upload, digest, offset) as receiver:
                receiver.take(portion)
                receiver.finish()
            self.uploads.keep_longer(upload)
            offset += len(portion)
            if offset == len(data):
                return

    def delete(self) -> None:
        """Delete `Iris:1`, unless it is gone."""
        with suppress(NotFound):
            self.repository.delete("Iris:1")

    def purge(self) -> None:
        """Delete `Iris:1` for good, unless it is gone."""
        with suppress(NotFound):
            self.repository.delete("Iris:1", purge=True)

    def restore(self) -> None:
        """Restore `Iris:1`, unless it is there."""
        with suppress(YataiServiceRpcAborted):
            self.registry.restore(Tag("Iris", "1"))


class Steps:
    """Counts steps from `begin` on, and kills the process before one of them."""

    def __init__(self, fatal: int) -> None:
        self._fatal = fatal
        self.count: int | None = None
        sys.addaudithook(self._on_event)
        sa.event.listen(sa.Engine, "before_cursor_execute", self._on_statement)
        sa.event.listen(sa.Engine, "commit", self._step)

    def begin(self) -> None:
        self.count = 0

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in FILE_STEPS or (event == "open" and (arguments[2] or 0) & WRITING):
            self._step()

    def _on_statement(self, _connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("SELECT", "PRAGMA", "BEGIN", "SET ")):
            self._step()

    def _step(self, _connection: object = None) -> None:
        if self.count is None:
            return
        self.count += 1
        if self.count == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def run(step: str, change: str, url: str, root: str, bundles: str) -> int:
    """Carry out a change; how many steps it has."""
    steps = Steps(int(step))
    with closing(open_database(url, Path("none.db"))) as database:
        subject = Subject(database, Path(root), Path(bundles))
        subject.prepare(change)
        steps.begin()
        getattr(subject, change)()
    return steps.count or 0


def main() -> None:
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, str(run(*line.split())).encode())
            except BaseException:  # noqa: BLE001 - the parent tells it
                os.write(writing, traceback.format_exc().encode()[-4000:])
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as said:
            text = said.read().decode()
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else json.dumps(text), flush=True)


if __name__ == "__main__":
    main()
