"""The library's loggers and their handlers: a console for people, rotated files for later."""

from __future__ import annotations

import logging
import logging.config
from typing import TYPE_CHECKING, Any

from bentoml._util.log_handlers import ConsoleHandler, LineFileHandler
from bentoml.configuration import bentoml_home, get_config, is_debug

if TYPE_CHECKING:
    from pathlib import Path

CONSOLE_FORMAT = "[%(asctime)s] %(levelname)s - %(message)s"
FILE_FORMAT = "[%(asctime)s] {%(filename)s:%(lineno)d} %(levelname)s - %(message)s"
FILE_BYTES = 100 * 1000 * 1000
# How many old files are kept.
FILE_COUNT = 2
LINES_FILE_COUNT = 10
# The logs of a server that have a line per request, each with a file and a section of the configuration of its name,
# and a logger `bentoml.<name>`.
LINE_LOGS = ("access", "prediction", "feedback")

logger = logging.getLogger("bentoml")


def configure_logging(
    logging_level: str | int | None = None, *, console_stream: str = "stdout", console_copies: bool = True
) -> None:
    """Set up the `bentoml` loggers as the configuration says.

    Handlers are `console` and `local` (`active.log`, rotated at 100 MB, two kept) for `bentoml`; `access`,
    `prediction` and `feedback` (ten kept) for the loggers below it that have a line per request. A log directory that
    cannot be written costs the files only: one warning says so. `logging.advanced` replaces all of it.

    Args:
        logging_level: level for `bentoml`; by default `$BENTOML_DEBUG`, then the configuration.
        console_stream: `stdout` or `stderr`; where the console handler writes, if the configuration has it on.
        console_copies: whether the console may get a copy of what has a file of its own.
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
            directory = _writable_log_directory()
        except OSError as error:
            file_problem = error
        else:
            handlers["local"] = _file(directory / "active.log", "file", FILE_COUNT)
            for name in LINE_LOGS:
                if getattr(config, name).enabled:
                    handlers[name] = _file(directory / f"{name}.log", "line", LINES_FILE_COUNT)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "console": {"format": CONSOLE_FORMAT},
                "file": {"format": FILE_FORMAT},
                "line": {"format": "%(message)s"},
            },
            "handlers": handlers,
            "loggers": {
                "bentoml": _logger(level, [name for name in ("console", "local") if name in handlers]),
                **{
                    f"bentoml.{name}": _logger("INFO", _line_handlers(name, handlers, console_copies=console_copies))
                    for name in LINE_LOGS
                },
            },
        }
    )
    if file_problem is not None:
        logger.warning("Log files are off, the directory cannot be written: %s", file_problem)


def ensure_logging() -> None:
    """Set up logging unless the program around us has done so."""
    if not logger.handlers and not logging.getLogger().handlers:
        configure_logging()


def is_wanted(name: str, *, console_copies: bool = True) -> bool:
    """Whether a log of `LINE_LOGS` is to be written anywhere.

    Args:
        name: `access`, `prediction` or `feedback`.
        console_copies: as with `configure_logging`.
    """
    config = get_config().logging
    section = getattr(config, name)
    if not section.enabled:
        return False
    return bool(
        config.advanced.enabled
        or config.file.enabled
        or (section.console and config.console.enabled and console_copies)
    )


def log_directory() -> Path:
    """Directory of the log files; not created."""
    from pathlib import Path

    configured = get_config().logging.file.directory
    return Path(configured).expanduser() if configured else bentoml_home() / "logs"


def _line_handlers(name: str, handlers: dict[str, Any], *, console_copies: bool) -> list[str]:
    section = getattr(get_config().logging, name)
    names = [name] if name in handlers else []
    if section.enabled and section.console and console_copies and "console" in handlers:
        names.append("console")
    return names


def _logger(level: str | int, handlers: list[str]) -> dict[str, Any]:
    return {"handlers": handlers, "level": level, "propagate": False}


def _writable_log_directory() -> Path:
    """The directory of the log files; it is created.

    Raises:
        OSError: nothing can be written there.
    """
    directory = log_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "active.log").open("ab"):
        pass
    return directory


def _file(path: Path, formatter: str, count: int) -> dict[str, Any]:
    """Settings of the handler for a file."""
    return {"()": LineFileHandler, "path": path, "max_bytes": FILE_BYTES, "count": count, "formatter": formatter}
