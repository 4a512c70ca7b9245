"""The configuration file: which one is in force, and its text."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from bentoml.exceptions import BentoMLConfigException

MAX_SIZE_BYTES = 256 * 1024
FILE_NAME = "bentoml.yml"

Stamp = tuple[int, int, int]


def bentoml_home() -> Path:
    """`$BENTOML_HOME`, by default `~/bentoml`; `~` and `$X` in it are expanded. It is not created."""
    return Path(os.path.expandvars(os.environ.get("BENTOML_HOME") or "~/bentoml")).expanduser()


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file, which may not exist.

    Attributes:
        path: where it is.
        is_named: whether the user has named it; else it is the one that is looked for.
    """

    path: Path
    is_named: bool = True

    @classmethod
    def in_force(cls) -> ConfigFile:
        """The file that `$BENTOML_CONFIG` names, else `$BENTOML_HOME/bentoml.yml`.

        Raises:
            BentoMLConfigException: its name ends in something else than .yml or .yaml.
        """
        named = os.environ.get("BENTOML_CONFIG")
        if not named:
            return cls(bentoml_home() / FILE_NAME, is_named=False)
        return cls.named(Path(os.path.expandvars(named)).expanduser())

    @classmethod
    def named(cls, path: Path) -> ConfigFile:
        """A file that the user has named.

        Raises:
            BentoMLConfigException: its name ends in something else than .yml or .yaml.
        """
        if path.suffix not in {".yml", ".yaml"}:
            raise BentoMLConfigException(f"Config file {path} must end in .yml or .yaml")
        return cls(path)

    def stamp(self) -> Stamp | None:
        """What changes when the file does; None when there is no file.

        Raises:
            BentoMLConfigException: the system does not say, or the path leads to something else than a file.
        """
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        if not stat.S_ISREG(found.st_mode):
            kind = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
            raise self._unreadable(f"it is {kind}")
        return found.st_mtime_ns, found.st_size, found.st_ino

    def read(self) -> str | None:
        """The text; None when there is no file.

        Raises:
            BentoMLConfigException: it cannot be read, is too large, or no UTF-8.
        """
        if self.stamp() is None:
            return None
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_SIZE_BYTES + 1)
            if len(data) > MAX_SIZE_BYTES:
                raise self._unreadable(f"it has more than {MAX_SIZE_BYTES // 1024} KiB")
            return data.decode("utf-8")
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self._unreadable(f"line {line}: not UTF-8 text") from error

    def missing(self) -> BentoMLConfigException:
        """What is said when a file that was named is not there."""
        return BentoMLConfigException(f"Config file {self.path} not found; correct or unset BENTOML_CONFIG")

    def _unreadable(self, reason: str) -> BentoMLConfigException:
        return BentoMLConfigException(f"Config file {self.path} cannot be read: {reason}")
