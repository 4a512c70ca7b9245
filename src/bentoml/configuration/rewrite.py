"""Changing a configuration file on disk: one at a time, whole or not at all, and only into one that is valid."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bentoml._util.files import replaced_file
from bentoml.configuration import edit
from bentoml.configuration.check import problem_with
from bentoml.configuration.config_file import bentoml_home
from bentoml.configuration.keys import known_keys
from bentoml.configuration.plain_yaml import PlainYamlError
from bentoml.configuration.settings import file_layer
from bentoml.exceptions import BentoMLConfigException, LockUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from bentoml.configuration.config_file import ConfigFile

LOCK_LIMIT_S = 10.0
_POLL_S = 0.02
# It may hold an access token.
_NEW_FILE_MODE = 0o600


def set_values(file: ConfigFile, values: Mapping[str, Any]) -> None:
    """Set keys in a file, all or none; the file is made where there is none.

    Args:
        file: the file. Its permissions stay; when it is a link, what it leads to is changed.
        values: plain values by the names of known keys.

    Raises:
        BentoMLConfigException: a value is not one that the key takes, the file would not be valid, or it cannot be
            read, changed or written. Nothing has changed then.
        LockUnavailable: another process has been changing it all the time.
    """
    for name, value in values.items():
        problem = problem_with(known_keys()[name], value)
        if problem is not None:
            raise BentoMLConfigException(f"'{name}' {problem}")

    def change(text: str) -> str:
        for name, value in values.items():
            text = edit.with_value(text, name, value)
        problems = file_layer(text, file.path).problems
        if problems:
            raise BentoMLConfigException(f"nothing was changed, as the file has a fault: {problems[0]}")
        return text

    _rewrite(file, change)


def unset_keys(file: ConfigFile, names: Collection[str]) -> None:
    """Take keys or sections out of a file, all or none; they may be unknown ones.

    Raises:
        BentoMLConfigException: a key is not in the file, or the file cannot be read, changed or written.
        LockUnavailable: another process has been changing it all the time.
    """

    def change(text: str) -> str:
        for name in names:
            text = edit.without(text, name)
        return text

    _rewrite(file, change)


def _rewrite(file: ConfigFile, change: Callable[[str], str]) -> None:
    file.stamp()  # what is no file is refused before anything else is tried
    path = file.path.resolve()
    try:
        if not file.is_named:
            bentoml_home().mkdir(parents=True, exist_ok=True)
        with _locked(path.parent):
            text = file.read()
            changed = change(text or "")
            if changed != text:
                _replace(path, changed)
    except edit.CannotEditError as error:
        raise BentoMLConfigException(f"{path}: {error}") from error
    except PlainYamlError as error:
        raise BentoMLConfigException(f"Config file {path} cannot be read: {error}") from error
    except OSError as error:
        raise BentoMLConfigException(f"Config file {path} cannot be written: {error.strerror or error}") from error


def _replace(path: Path, text: str) -> None:
    """Put a text into the place of a file, with the permissions of that file.

    Raises:
        OSError: the system refuses; the file is what it was.
    """
    try:
        before = path.stat()
    except FileNotFoundError:
        before = None
    if before is not None and not os.access(path, os.W_OK):
        raise PermissionError(0, "it is read-only")
    mode = _NEW_FILE_MODE if before is None else stat.S_IMODE(before.st_mode)
    with replaced_file(path, mode=mode) as temporary, temporary.open("wb") as output:
        output.write(text.encode("utf-8"))
        output.flush()
        # Before the rename: after a crash there must not be an empty file of that name.
        os.fsync(output.fileno())
        if before is not None and before.st_uid != os.geteuid():
            os.chown(temporary, before.st_uid, before.st_gid)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep others from changing files here, by a lock on the directory itself, which leaves nothing behind.

    Raises:
        LockUnavailable: somebody else had it for `LOCK_LIMIT_S`.
        OSError: there is no such directory.
    """
    import fcntl

    handle = os.open(directory, os.O_RDONLY)
    deadline_s = time.monotonic() + LOCK_LIMIT_S
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline_s:
                    raise LockUnavailable(
                        f"another process has been changing the configuration in {directory} for {LOCK_LIMIT_S:g} s; "
                        "try again when it has finished"
                    ) from None
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)
