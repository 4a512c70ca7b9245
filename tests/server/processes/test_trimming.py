"""Memory of large bodies goes back to the system."""

from __future__ import annotations

import ctypes
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from bentoml.server.processes.memory import resident_bytes
from bentoml.server.processes.trimming import WORTH_BYTES, Trimming
from tests.plain_http import NO_TLS
from tests.server.live import child_of, live_server

needs_glibc = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only glibc can trim its heap"
)
may_skip = pytest.mark.may_skip(reason="other systems have another C library")
MIB = 1 << 20


class Process:
    """A process of a certain size, some of which it can give back."""

    def __init__(self) -> None:
        self.resident_bytes = 40 * MIB
        self.free_bytes = 0
        self.trims = 0

    def trim(self) -> None:
        self.trims += 1
        self.resident_bytes -= self.free_bytes
        self.free_bytes = 0


def test_free_memory_is_given_back_once_it_is_much() -> None:
    process = Process()
    trimming = Trimming(lambda: process.resident_bytes, process.trim)
    process.resident_bytes += WORTH_BYTES
    trimming.look()
    assert process.trims == 0
    process.resident_bytes += MIB
    process.free_bytes = 33 * MIB
    trimming.look()
    assert (process.trims, process.resident_bytes) == (1, 40 * MIB)
    trimming.look()
    assert process.trims == 1


def test_memory_that_was_in_use_is_given_back_when_it_is_not_any_more() -> None:
    process = Process()
    trimming = Trimming(lambda: process.resident_bytes, process.trim)
    process.resident_bytes += 400 * MIB
    trimming.look()
    process.free_bytes = 400 * MIB
    trimming.look()
    assert process.resident_bytes == 40 * MIB


def test_where_memory_cannot_be_known_nothing_happens() -> None:
    process = Process()
    Trimming(lambda: None, process.trim).look()
    assert process.trims == 0


@needs_glibc
@may_skip
def test_this_process_gives_back_what_lies_below_a_small_block() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    blocks = [libc.malloc(100_000) for _ in range(640)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    last = libc.malloc(100)
    full_bytes = resident_bytes()
    for block in blocks:
        libc.free(block)
    trimming = Trimming(lambda: None if full_bytes is None else resident_bytes())
    trimming._least_bytes = 0
    trimming.look()
    now_bytes = resident_bytes()
    libc.free(last)
    assert full_bytes is not None
    assert now_bytes is not None
    assert now_bytes < full_bytes - 40 * MIB


@needs_glibc
@may_skip
def test_front_is_small_again_after_large_bodies(everything_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "bentoml.yml").write_text("bento_server: {header_timeout_s: 2}")
    body = b'"%b"' % (b"x" * 8_000_000)
    with live_server(everything_bundle, home=tmp_path) as server:
        statm = Path(f"/proc/{child_of(server, 'bentoml.server.front.front')}/statm")

        def resident_mib() -> int:
            return int(statm.read_text().split()[1]) * 4096 // MIB

        def post(number: int) -> int:
            path = "/length" if number % 2 else "/%6Cength"
            return httpx.post(
                f"{server.url}{path}", content=body, timeout=60, trust_env=False, verify=NO_TLS
            ).status_code

        before_mib = resident_mib()
        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(post, range(24))) == {200}
        end_s = time.monotonic() + 30
        while resident_mib() > before_mib + 64:
            assert time.monotonic() < end_s, f"{before_mib} MiB before, {resident_mib()} MiB now"
            time.sleep(0.1)  # between looks at the real thing, under a deadline
