"""Log handlers: where lines go, and that a bad directory costs nothing but the file."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bentoml._util.logs import LINE_LOGS, configure_logging, ensure_logging, is_wanted

logger = logging.getLogger("bentoml")


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    loggers = [logger, *(logging.getLogger(f"bentoml.{name}") for name in LINE_LOGS)]
    before = [(each, list(each.handlers), each.level, each.propagate) for each in loggers]
    yield
    for each, handlers, level, propagate in before:
        for handler in each.handlers:
            if handler not in handlers:
                handler.close()
        each.handlers[:] = handlers
        each.setLevel(level)
        each.propagate = propagate


def test_configure_logging_writes_console_and_file(bentoml_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("bentoml.somewhere").info("saved to %s", "x")
    logging.getLogger("bentoml.somewhere").debug("not shown")
    out = capsys.readouterr().out
    assert out.endswith("INFO - saved to x\n")
    assert out.startswith("[")
    written = (bentoml_home / "logs" / "active.log").read_text(encoding="utf-8")
    assert "{test_logs.py:" in written
    assert "saved to x" in written
    assert [handler.name for handler in logger.handlers] == ["console", "local"]


def test_configure_logging_follows_level_and_debug_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("ERROR")
    assert logger.level == logging.ERROR
    monkeypatch.setenv("BENTOML_DEBUG", "true")
    configure_logging()
    assert logger.level == logging.DEBUG


def test_configure_logging_follows_the_file(bentoml_home: Path, tmp_path: Path) -> None:
    logs = tmp_path / "elsewhere"
    (bentoml_home / "bentoml.yml").write_text(
        f"logging: {{level: WARNING, console: {{enabled: false}}, file: {{directory: {logs}}}}}", encoding="utf-8"
    )
    configure_logging()
    logger.warning("kept")
    assert [handler.name for handler in logger.handlers] == ["local"]
    assert "kept" in (logs / "active.log").read_text(encoding="utf-8")


def test_configure_logging_with_a_directory_that_cannot_be_written_goes_on(
    bentoml_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bentoml_home / "logs").write_text("a file stands here", encoding="utf-8")
    configure_logging()
    assert "Log files are off" in capsys.readouterr().out
    assert [handler.name for handler in logger.handlers] == ["console"]


def test_configure_logging_gives_each_log_with_a_line_per_request_its_file(bentoml_home: Path) -> None:
    configure_logging()
    names = {name: [handler.name for handler in logging.getLogger(f"bentoml.{name}").handlers] for name in LINE_LOGS}
    assert names == {
        "access": ["access"],
        "prediction": ["prediction", "console"],
        "feedback": ["feedback", "console"],
    }
    assert not any(logging.getLogger(f"bentoml.{name}").propagate for name in LINE_LOGS)
    logging.getLogger("bentoml.access").info("a line")
    assert (bentoml_home / "logs" / "access.log").read_text(encoding="utf-8") == "a line\n"
    # No file before its first line.
    assert not (bentoml_home / "logs" / "prediction.log").exists()


@pytest.mark.parametrize(
    ("text", "copies", "expected"),
    [
        pytest.param("{}", False, {"prediction": ["prediction"]}, id="no copies"),
        pytest.param("{access: {console: true}}", True, {"access": ["access", "console"]}, id="copy asked for"),
        pytest.param("{access: {enabled: false}}", True, {"access": []}, id="off"),
        pytest.param("{prediction: {enabled: false}}", True, {"prediction": []}, id="off with a copy"),
        pytest.param("{file: {enabled: false}}", True, {"access": [], "feedback": ["console"]}, id="no files"),
        pytest.param("{console: {enabled: false}}", True, {"feedback": ["feedback"]}, id="no console"),
    ],
)
def test_configure_logging_follows_the_keys_of_each_log(
    bentoml_home: Path, text: str, copies: bool, expected: dict[str, list[str]]
) -> None:
    (bentoml_home / "bentoml.yml").write_text(f"logging: {text}", encoding="utf-8")
    configure_logging(console_copies=copies)
    for name, handlers in expected.items():
        assert [handler.name for handler in logging.getLogger(f"bentoml.{name}").handlers] == handlers
        assert is_wanted(name, console_copies=copies) is bool(handlers)


def test_configure_logging_advanced_replaces_everything(bentoml_home: Path) -> None:
    (bentoml_home / "bentoml.yml").write_text(
        "logging: {advanced: {enabled: true, config: {version: 1, disable_existing_loggers: false,"
        " loggers: {bentoml: {level: CRITICAL}}}}}",
        encoding="utf-8",
    )
    configure_logging()
    assert logger.level == logging.CRITICAL


def test_ensure_logging_leaves_a_program_that_logs_alone() -> None:
    code = (
        "import logging, bentoml._util.logs as logs\n"
        "logging.basicConfig()\n"
        "logs.ensure_logging()\n"
        "print(logging.getLogger('bentoml').handlers)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_ensure_logging_sets_up_a_program_that_does_not(bentoml_home: Path) -> None:
    logger.handlers.clear()
    root = logging.getLogger()
    kept, root.handlers[:] = list(root.handlers), []
    try:
        ensure_logging()
    finally:
        root.handlers[:] = kept
    assert (bentoml_home / "logs").is_dir()
