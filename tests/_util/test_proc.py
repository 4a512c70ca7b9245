"""Running other programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bentoml._util import proc
from bentoml.exceptions import BentoMLException


def test_run_collects_output_in_a_directory_with_added_variables(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), os.environ['ADDED']); print('warned', file=sys.stderr); sys.exit(4)"
    done = proc.run([sys.executable, "-c", code], cwd=tmp_path, env={"ADDED": "$HOME `x`"})
    assert (done.returncode, done.stdout, done.stderr) == (4, f"{tmp_path} $HOME `x`\n", "warned\n")


def test_run_hands_a_text_to_the_standard_input() -> None:
    assert proc.run(["cat"], stdin="secret\n").stdout == "secret\n"


def test_run_with_check_shows_the_end_of_the_error_output() -> None:
    with pytest.raises(BentoMLException, match=r"exit code 2: .*boom"):
        proc.run([sys.executable, "-c", "import sys; sys.exit(print('boom', file=sys.stderr) or 2)"], check=True)


def test_run_of_a_missing_program_names_it() -> None:
    with pytest.raises(BentoMLException, match="no-such-program was not found; install it"):
        proc.run(["no-such-program"])


def test_run_over_its_time_is_stopped() -> None:
    with pytest.raises(BentoMLException, match=r"did not end within 0\.2 seconds"):
        proc.run([sys.executable, "-c", "input() if False else __import__('threading').Event().wait()"], timeout_s=0.2)


def test_spawn_passes_descriptors_and_output() -> None:
    read_fd, write_fd = os.pipe()
    code = f"import os; os.write({write_fd}, b'through the pipe'); print('out')"
    with proc.spawn([sys.executable, "-c", code], pass_fds=[write_fd], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read() == b"out\n"
    os.close(write_fd)
    assert os.read(read_fd, 100) == b"through the pipe"
    os.close(read_fd)


def test_pipe_sends_bytes_through_a_program() -> None:
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1]); sys.exit(3)"
    assert proc.pipe([sys.executable, "-c", code], b"\xff" + b"x" * 200_000, timeout_s=30) == (
        3,
        b"x" * 200_000 + b"\xff",
    )


def test_pipe_into_a_program_that_is_missing_or_slow_raises() -> None:
    with pytest.raises(BentoMLException, match="no-such-program cannot be run"):
        proc.pipe(["no-such-program"], b"", timeout_s=1)
    with pytest.raises(BentoMLException, match=r"did not end within 0\.2 seconds"):
        proc.pipe([sys.executable, "-c", "__import__('threading').Event().wait()"], b"", timeout_s=0.2)


def test_stream_hands_on_lines_of_both_outputs_in_their_order() -> None:
    lines: list[str] = []
    script = "echo one; echo two >&2; printf 'th\\377ree'; exit $CODE"
    assert proc.stream(["sh", "-c", script], lines.append, env={"CODE": "3"}) == 3
    assert lines == ["one", "two", "th\ufffdree"]


def test_stream_whose_reader_raises_stops_the_program() -> None:
    def refuse(line: str) -> None:
        raise ValueError(line)

    with pytest.raises(ValueError, match="one"):
        proc.stream(["sh", "-c", "echo one; exec sleep 60"], refuse)


def test_stream_of_a_program_that_is_not_there_says_so() -> None:
    with pytest.raises(BentoMLException, match="no-such-program was not found"):
        proc.stream(["no-such-program"], print)
