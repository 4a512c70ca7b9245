"""Unpacking archives: what is refused, and that nothing lands outside."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
from pathlib import Path
from typing import IO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentoml._util.archive_stream import ArchiveLimits
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


@pytest.mark.parametrize("mode", ["w", "w:gz"])
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
        member("blocks", tarfile.BLKTYPE),
        member("volume", b"V"),
        member(".."),
        member("a/.."),
        member("a\nb"),
        member("a\x1b[31mb"),
        member("a" * 256),
        member("/".join(["a" * 200] * 6)),
        member(""),
    ],
    ids=lambda info: f"{info.name[:20]!r}-{info.type!r}",
)
def test_extract_tar_refuses_members_that_leave_or_are_no_files(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(BadInput, match=r"neither a file|lies outside|no name of a file"):
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


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("Model/a", "model/b", id="case of a directory"),
        pytest.param("README", "readme", id="case"),
        pytest.param("caf\u00e9", "cafe\u0301", id="accents"),
        pytest.param("stra\u00dfe", "strasse", id="sharp s"),
        pytest.param("\ufb01le", "file", id="ligature"),
    ],
)
def test_extract_tar_refuses_names_that_some_file_systems_take_for_one(tmp_path: Path, first: str, second: str) -> None:
    with pytest.raises(BadInput, match="one name on some machines"):
        extract_tar(archive((member(first), b"1"), (member(second), b"2")), tmp_path)


@pytest.mark.parametrize("twice", ["a", "./a", "b/../a", ".//a"])
def test_extract_tar_takes_no_name_in_two_spellings(tmp_path: Path, twice: str) -> None:
    with pytest.raises(BadInput, match=r"a name twice|outside of it"):
        extract_tar(archive((member("a"), b"1"), (member(twice), b"2")), tmp_path)


def test_extract_tar_takes_a_directory_that_is_named_often(tmp_path: Path) -> None:
    directory = member("a", tarfile.DIRTYPE)
    extract_tar(archive((directory, b""), (member("a/b"), b"1"), (directory, b""), (member("./a/c"), b"2")), tmp_path)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["b", "c"]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        pytest.param(ArchiveLimits(max_bytes=1600), "holds more than 1600 bytes", id="bytes"),
        pytest.param(ArchiveLimits(max_members=1), "holds more than 1 files", id="members"),
        pytest.param(ArchiveLimits(max_members=3), "holds more than 3 files", id="directories in names"),
        pytest.param(ArchiveLimits(max_depth=2), "deeper than 2", id="depth"),
    ],
)
def test_extract_tar_stops_at_its_limits(tmp_path: Path, limits: ArchiveLimits, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        extract_tar(archive((member("a"), b"0" * 600), (member("b/c/d"), b"0" * 600)), tmp_path, limits)


def test_extract_tar_of_a_bomb_stops_early(tmp_path: Path) -> None:
    bomb = archive((member("zeros"), bytes(100 << 20)))
    with pytest.raises(BadInput, match="more than 200 times its size"):
        extract_tar(bomb, tmp_path)
    assert (tmp_path / "zeros").stat().st_size <= 34 << 20


def test_extract_tar_of_a_small_dense_archive_is_fine(tmp_path: Path) -> None:
    extract_tar(archive((member("zeros"), bytes(4 << 20))), tmp_path)
    assert (tmp_path / "zeros").stat().st_size == 4 << 20


def packed(content: bytes) -> io.BytesIO:
    return io.BytesIO(gzip.compress(content))


def header(name: str, kind: bytes, size: int) -> bytes:
    info = member(name, kind)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


PLAIN = archive((member("a"), b"1"), (member("b"), b"2"), mode="w").getvalue()
END = bytes(1024)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(header("long", tarfile.XHDTYPE, 1 << 30), "a header of more than", id="long pax header"),
        pytest.param(header("long", tarfile.GNUTYPE_LONGNAME, 1 << 30), "a header of more than", id="long name"),
        pytest.param((header("g", tarfile.XGLTYPE, 512) + bytes(512)) * 900, "too many headers", id="many headers"),
        pytest.param(header("a", tarfile.REGTYPE, 100) + b"1" * 50, "cannot be read|ends inside", id="short"),
        pytest.param(header("a", tarfile.REGTYPE, 10) + b"1" * 512, "cannot be read", id="no end"),
        pytest.param(PLAIN[:1024] + b"garbage!" * 64 + PLAIN[1024:], "cannot be read", id="garbage for a header"),
        pytest.param(PLAIN + b"garbage", "follows the end", id="garbage after the end"),
        pytest.param(PLAIN + PLAIN, "follows the end", id="archive after the end"),
        pytest.param(PLAIN + bytes(2 << 20), "follows the end", id="endless padding"),
        pytest.param(header("sparse", tarfile.GNUTYPE_SPARSE, 0) + END, "neither a file nor", id="sparse"),
    ],
)
@pytest.mark.parametrize("form", [io.BytesIO, packed], ids=["plain", "gzip"])
def test_extract_tar_of_a_damaged_archive_is_bad_input(tmp_path: Path, content: bytes, words: str, form: type) -> None:
    with pytest.raises(BadInput, match=words):
        extract_tar(form(content), tmp_path)


@pytest.mark.parametrize("size", [-1, -512, -(1 << 40)])
def test_extract_tar_of_negative_sizes_is_bad_input(tmp_path: Path, size: int) -> None:
    info = member("a")
    info.size = size
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(BadInput):
        extract_tar(io.BytesIO(bytes(block) + END), tmp_path)


def test_extract_tar_of_an_endless_sparse_map_is_bad_input(tmp_path: Path) -> None:
    pax = b"".join(
        b"%d %s=%s\n" % (len(key) + len(value) + 5, key, value)
        for key, value in [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0")]
    )
    body = b"999999999\n" + b"1\n" * (8 << 20)
    content = header("x", tarfile.XHDTYPE, len(pax)) + pax.ljust(512, b"\0") + header("m", tarfile.REGTYPE, len(body))
    with pytest.raises(BadInput, match=r"header of more than|cannot be read"):
        extract_tar(io.BytesIO(content + body), tmp_path)


@pytest.mark.parametrize(
    "tail",
    [b"garbage", b"\x1f\x8b garbage", gzip.compress(b"more")],
    ids=["text", "broken gzip", "more gzip"],
)
def test_extract_tar_refuses_what_follows_the_compressed_part(tmp_path: Path, tail: bytes) -> None:
    with pytest.raises(BadInput):
        extract_tar(io.BytesIO(gzip.compress(PLAIN) + tail), tmp_path)


def test_extract_tar_compares_the_checksum(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(PLAIN))
    content[-5] ^= 1
    with pytest.raises(BadInput, match="cannot be read"):
        extract_tar(io.BytesIO(bytes(content)), tmp_path)


VALID = archive((member("d", tarfile.DIRTYPE), b""), (member("d/a"), b"1" * 700), (member("e" * 150), b"2")).getvalue()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_extract_tar_of_changed_bytes_is_bad_input_or_stays_inside(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(gzip.decompress(VALID))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    directory = tmp_path_factory.mktemp("changed")
    (directory / "out").mkdir()
    with contextlib.suppress(BadInput):
        extract_tar(io.BytesIO(bytes(content)), directory / "out")
    assert [path.name for path in directory.iterdir()] == ["out"]
    assert not [path for path in directory.rglob("*") if path.is_symlink()]


class OneByteAtATime(io.RawIOBase):
    def __init__(self, content: bytes) -> None:
        self.rest = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self.rest.read(min(size, 1) if size >= 0 else 1)


def test_extract_tar_reads_a_slow_stream(tmp_path: Path) -> None:
    extract_tar(cast("IO[bytes]", OneByteAtATime(VALID)), tmp_path)
    assert (tmp_path / "d/a").read_bytes() == b"1" * 700


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b" + b"0" * 50], ids=["empty", "text", "broken"])
def test_extract_tar_of_something_else_is_bad_input(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        extract_tar(io.BytesIO(content), tmp_path)
