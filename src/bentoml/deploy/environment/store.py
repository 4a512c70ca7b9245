"""Where environments lie: each in a directory that is locked while it is made, removed or used.

```
$BENTOML_HOME/environments/
  <digest>/            one environment, named after what is in it
    environment.json   what it was made from; written last, so that an environment without it is not finished
    bin/ lib/ ...
```

A lock ends with the last process that holds it, however that ends: the programs that install hold it with the process
that has started them, and a server holds it as long as it runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bentoml._util.file_lock import lock_file
from bentoml._util.files import write_atomic
from bentoml.configuration import bentoml_home
from bentoml.exceptions import BentoMLException, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RECORD = "environment.json"
UNFINISHED = "environment.unfinished"


@dataclass(frozen=True)
class Record:
    """What an environment was made from.

    Attributes:
        digest: of what is in it: requirements, files and interpreter.
        bundle: `name:version` of the bundle that it was made for.
        python: version of the interpreter.
        source: name of the file with the requirements.
        installer: name of the program that has made it.
        created_s: when it was made, in seconds since 1970.
    """

    digest: str
    bundle: str
    python: str
    source: str
    installer: str
    created_s: float


@dataclass(frozen=True)
class EnvironmentHome:
    """The directory of one environment, which may not be there.

    Attributes:
        path: the directory; absolute.
    """

    path: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    def record(self) -> Record | None:
        """What it was made from; None when it is not finished, or its interpreter is gone."""
        if not os.access(self.python, os.X_OK):
            return None
        try:
            return Record(**json.loads((self.path / RECORD).read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError) as error:
            raise BentoMLException(f"{self.path / RECORD} cannot be read ({error}); remove {self.path}") from error

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there yet."""
        return not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir()))

    @property
    def is_begun(self) -> bool:
        """Whether it was begun and never finished."""
        return (self.path / UNFINISHED).is_file()

    def used_s(self) -> float:
        """When it was used last, in seconds since 1970."""
        return (self.path / RECORD).stat().st_mtime

    def mark_used(self) -> None:
        """Say that it is used now."""
        # Where others own it, they see to it.
        with contextlib.suppress(OSError):
            os.utime(self.path / RECORD)

    def size_bytes(self) -> int:
        """Sum of the sizes of its files; what it shares with others by links counts in full."""
        total = 0
        for file in self.path.rglob("*"):
            # A file may go while it is looked at.
            with contextlib.suppress(OSError):
                total += file.lstat().st_size
        return total

    @contextlib.contextmanager
    def locked(self, on_wait: Callable[[], None] | None = None) -> Iterator[int]:
        """Keep everybody else out; the directory is made when it is missing.

        Args:
            on_wait: called once before waiting for others; None raises instead.

        Yields:
            A descriptor: whoever inherits it holds the lock, too.

        Raises:
            BentoMLException: others use it, or the directory cannot be made.
        """
        descriptor = self._lock(fcntl.LOCK_EX, on_wait)
        try:
            yield descriptor
        finally:
            if self.is_empty:
                # Nothing was made after all; what is gone already is as good.
                with contextlib.suppress(OSError):
                    self.path.rmdir()
            os.close(descriptor)

    def hold(self) -> int | None:
        """Keep others from removing it, as long as the returned descriptor is open somewhere; None when it is gone."""
        if self.record() is None:
            return None
        descriptor = self._lock(fcntl.LOCK_SH, lambda: None)
        if self.record() is None:
            os.close(descriptor)
            return None
        return descriptor

    def _lock(self, kind: int, on_wait: Callable[[], None] | None) -> int:
        while True:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            except OSError as error:
                raise BentoMLException(
                    f"{self.path} cannot be made: {error.strerror}; set BENTOML_HOME to a directory that can be "
                    "written, or name one with --path"
                ) from error
            try:
                self._flock(descriptor, kind, on_wait)
                # Whoever was waited for may have removed the directory, and another may have made it anew.
                if self._is(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _flock(self, descriptor: int, kind: int, on_wait: Callable[[], None] | None) -> None:
        try:
            lock_file(descriptor, kind | fcntl.LOCK_NB, self.path, "BENTOML_HOME (or --path)")
        except BlockingIOError as error:
            if on_wait is None:
                raise BentoMLException(
                    f"{self.path} is in use by another process; if a server runs in it, stop that first"
                ) from error
            on_wait()
            fcntl.flock(descriptor, kind)

    def _is(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def begin(self) -> None:
        """Remove all that is there, and say that it is being made. Only while it is locked."""
        (self.path / UNFINISHED).touch()
        (self.path / RECORD).unlink(missing_ok=True)
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != UNFINISHED:
                entry.unlink()

    def finish(self, record: Record) -> None:
        """Say that it is made. Only while it is locked."""
        write_atomic(self.path / RECORD, json.dumps(asdict(record), indent=2) + "\n")
        (self.path / UNFINISHED).unlink()

    def remove(self) -> None:
        """Remove it. Only while it is locked."""
        self.begin()
        shutil.rmtree(self.path)


def environments_root() -> Path:
    """Where the environments lie that bundles share."""
    return (bentoml_home() / "environments").absolute()


def list_environments() -> list[EnvironmentHome]:
    """All that lie below `environments_root`, finished or not, by name."""
    root = environments_root()
    return [EnvironmentHome(path) for path in sorted(root.iterdir()) if path.is_dir()] if root.is_dir() else []


def find_environment(name: str) -> EnvironmentHome:
    """The environment whose name begins so.

    Raises:
        NotFound: there is none, or there are several.
    """
    found = [home for home in list_environments() if name and home.path.name.startswith(name)]
    if len(found) != 1:
        raise NotFound(f"{len(found) or 'no'} environments are called {name}...; see them with: bentoml env list")
    return found[0]


def unused_environments(days: float, now_s: float | None = None) -> list[EnvironmentHome]:
    """Finished environments that nobody has used for so many days, and all that are not finished.

    Args:
        days: at least so many.
        now_s: the time, in seconds since 1970.
    """
    before_s = (time.time() if now_s is None else now_s) - days * 86400
    return [home for home in list_environments() if home.record() is None or home.used_s() <= before_s]
