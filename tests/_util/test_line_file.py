"""A file of lines that is rotated: whatever happens, lines are whole, and those that are lost are given back."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from bentoml._util.line_file import LineFile


def written(directory: Path, name: str = "x.log") -> list[str]:
    """All lines, the oldest first."""
    files = sorted(directory.glob(f"{name}.*"), key=lambda path: -int(path.suffix[1:]))
    return "".join(path.read_text(encoding="utf-8") for path in [*files, directory / name]).splitlines()


def test_lines_of_a_block_are_divided_between_files_at_their_ends(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "x.log", max_bytes=25, count=9)
    assert file.write(b"".join(b"line %02d\n" % number for number in range(10))) == (b"", None)
    sizes = [len(path.read_bytes()) for path in sorted(tmp_path.iterdir())]
    # Three lines of 8 bytes fit.
    assert sorted(sizes) == [8, 24, 24, 24]
    assert written(tmp_path) == [f"line {number:02}" for number in range(10)]


def test_line_that_is_longer_than_the_limit_stays_whole(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "x.log", max_bytes=10, count=9)
    file.write(b"a\n" + b"b" * 30 + b"\nc\n")
    assert written(tmp_path) == ["a", "b" * 30, "c"]


def test_only_so_many_old_files_are_kept(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "x.log", max_bytes=4, count=2)
    for number in range(6):
        file.write(b"%d\n" % number * 2)
    assert written(tmp_path) == ["3", "3", "4", "4", "5", "5"]
    assert {path.name for path in tmp_path.iterdir()} == {"x.log", "x.log.1", "x.log.2"}


def test_two_writers_of_one_file_rotate_it_together(tmp_path: Path) -> None:
    files = [LineFile(tmp_path / "x.log", max_bytes=20, count=50) for _ in range(2)]
    for number in range(40):
        assert files[number % 2].write(b"line %02d\n" % number) == (b"", None)
    assert written(tmp_path) == [f"line {number:02}" for number in range(40)]


def test_directory_that_vanishes_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "x.log"
    file = LineFile(path, max_bytes=100, count=1)
    file.write(b"gone\n")
    path.unlink()
    path.parent.rmdir()
    assert file.write(b"there\n") == (b"", None)
    assert path.read_bytes() == b"there\n"


def test_file_that_cannot_be_opened_gives_the_lines_back(tmp_path: Path) -> None:
    (tmp_path / "logs").write_bytes(b"")
    file = LineFile(tmp_path / "logs" / "x.log", max_bytes=100, count=1)
    lost, problem = file.write(b"a\nb\n")
    assert lost == b"a\nb\n"
    assert isinstance(problem, NotADirectoryError)
    (tmp_path / "logs").unlink()
    assert file.write(b"c\n") == (b"", None)


def test_disk_without_room_gives_the_lines_back(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    (tmp_path / "x.log").symlink_to("/dev/full")
    lost, problem = LineFile(tmp_path / "x.log", max_bytes=100, count=1).write(b"a\n")
    assert lost == b"a\n"
    assert problem is not None
    assert problem.errno == errno.ENOSPC


def test_disk_that_is_full_in_the_middle_of_a_line_leaves_whole_lines(tmp_path: Path) -> None:
    code = (
        "import resource, sys, pathlib\n"
        "from bentoml._util.line_file import LineFile\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (25, resource.RLIM_INFINITY))\n"
        "file = LineFile(pathlib.Path(sys.argv[1]), 1000, 1)\n"
        "lost, problem = file.write(b''.join(b'line %02d\\n' % number for number in range(10)))\n"
        "sys.stdout.buffer.write(lost)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "assert file.write(b'again\\n') == (b'', None)\n"
    )
    path = tmp_path / "x.log"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == [f"line {number:02}" for number in range(3, 10)]
    assert path.read_bytes() == b"line 00\nline 01\nline 02\nagain\n"


def test_named_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "x.log")
    lost, problem = LineFile(tmp_path / "x.log", max_bytes=100, count=1).write(b"a\n")
    assert lost == b"a\n"
    assert problem is not None
