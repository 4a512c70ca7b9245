"""The library's log handlers: a console for people, a rotated file for later."""

from __future__ import annotations

import logging
import logging.config
import sys
from typing import TYPE_CHECKING, Any, TextIO

from bentoml.configuration import bentoml_home, get_config, is_debug

if TYPE_CHECKING:
    from pathlib import Path

CONSOLE_FORMAT = "[%(asctime)s] %(levelname)s - %(message)s"
FILE_FORMAT = "[%(asctime)s] {%(filename)s:%(lineno)d} %(levelname)s - %(message)s"
FILE_BYTES = 100 * 1000 * 1000
FILE_COUNT = 2

logger = logging.getLogger("bentoml")


if TYPE_CHECKING:
    _TextHandler = logging.StreamHandler[TextIO]
else:
    _TextHandler = logging.StreamHandler


class ConsoleHandler(_TextHandler):
    """Writes to whatever `sys.stdout` is at the time: notebooks and tests put another one in its place.

    Args:
        stream_name: `stdout` or `stderr`.
    """

    def __init__(self, stream_name: str) -> None:
        logging.Handler.__init__(self)
        self._stream_name = stream_name

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # the base keeps one stream for ever
        """The stream of that name."""
        stream: TextIO = getattr(sys, self._stream_name)
        return stream


def configure_logging(
    logging_level: str | int | None = None, *, console_stream: str = "stdout", is_child: bool = False
) -> None:
    """Set up the `bentoml` logger as the configuration says.

    Handlers are `console` and `local` (`active.log`, rotated at 100 MB, two kept). A log directory that
    cannot be written costs the file only: one warning says so. `logging.advanced` replaces all of it.

    Args:
        logging_level: level for the console and the file; by default `$BENTOML_DEBUG`, then the configuration.
        console_stream: `stdout` or `stderr`; where the console handler writes, if the configuration has it on.
        is_child: the parent process has warned already when the file cannot be written.
    """
    config = get_config().logging
    if config.advanced.enabled:
        logging.config.dictConfig(config.advanced.config or {"version": 1})
        return
    level = logging_level if logging_level is not None else ("DEBUG" if is_debug() else config.level)
    handlers: dict[str, dict[str, Any]] = {}
    if config.console.enabled:
        handlers["console"] = {"()": ConsoleHandler, "stream_name": console_stream, "formatter": "console"}
    file_problem = None
    if config.file.enabled:
        try:
            handlers["local"] = _file_handler(log_directory())
        except OSError as error:
            file_problem = error
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"console": {"format": CONSOLE_FORMAT}, "file": {"format": FILE_FORMAT}},
            "handlers": handlers,
            "loggers": {"bentoml": {"handlers": list(handlers), "level": level, "propagate": False}},
        }
    )
    if file_problem is not None and not is_child:
        logger.warning("Log files are off, the directory cannot be written: %s", file_problem)


def ensure_logging() -> None:
    """Set up logging unless the program around us has done so."""
    if not logger.handlers and not logging.getLogger().handlers:
        configure_logging()


def log_directory() -> Path:
    """Directory of the log files; not created."""
    from pathlib import Path

    configured = get_config().logging.file.directory
    return Path(configured).expanduser() if configured else bentoml_home() / "logs"


def _file_handler(directory: Path) -> dict[str, Any]:
    """Handler settings for `active.log`.

    Raises:
        OSError: the file cannot be opened for writing.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "active.log"
    with path.open("ab"):
        pass
    return {
        "class": "logging.handlers.RotatingFileHandler",
        "formatter": "file",
        "filename": str(path),
        "maxBytes": FILE_BYTES,
        "backupCount": FILE_COUNT,
        "delay": True,
    }
