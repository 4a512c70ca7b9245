"""Unpacking archives: what is refused, and that nothing lands outside."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from bentoml._util.archives import extract_tar
from bentoml.exceptions import BadInput


def archive(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_extract_tar_unpacks_files_directories_and_execute_bits(tmp_path: Path, mode: str) -> None:
    source = archive(
        (member("b", tarfile.DIRTYPE), b""),
        (member("b/run.sh", mode=0o4755), b"#!"),
        (member("b/deep/er/data"), b"\0\1"),
        mode=mode,
    )
    extract_tar(source, tmp_path)
    assert (tmp_path / "b/deep/er/data").read_bytes() == b"\0\1"
    assert (tmp_path / "b/run.sh").stat().st_mode & 0o7777 == 0o755


def test_extract_tar_reads_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(archive((member("x"), b"1")).getvalue())
    target = tmp_path / "out"
    target.mkdir()
    extract_tar(path, target)
    assert (target / "x").read_bytes() == b"1"


@pytest.mark.parametrize(
    "bad",
    [
        member("../escaped"),
        member("a/../../escaped"),
        member("a\\..\\..\\escaped"),
        member("/etc/escaped"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "inside"),
        member("link", tarfile.LNKTYPE, "../escaped"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name}-{info.type!r}",
)
def test_extract_tar_refuses_members_that_leave_or_are_no_files(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(BadInput, match="not unpacked"):
        extract_tar(archive((bad, b"")), target)
    assert list(target.iterdir()) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_extract_tar_never_writes_over_a_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a name twice"):
        extract_tar(archive((member("a"), b"1"), (member("a"), b"2")), tmp_path)
    assert (tmp_path / "a").read_bytes() == b"1"


def test_extract_tar_refuses_a_file_below_a_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="below a file"):
        extract_tar(archive((member("a"), b"1"), (member("a/b"), b"2")), tmp_path)


@pytest.mark.parametrize("limits", [{"max_bytes": 99}, {"max_members": 1}], ids=["bytes", "members"])
def test_extract_tar_stops_at_its_limits(tmp_path: Path, limits: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="holds more than"):
        extract_tar(archive((member("a"), b"0" * 60), (member("b"), b"0" * 60)), tmp_path, **limits)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b" + b"0" * 50], ids=["empty", "text", "broken"])
def test_extract_tar_of_something_else_is_bad_input(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        extract_tar(io.BytesIO(content), tmp_path)
