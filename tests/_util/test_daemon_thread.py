"""Functions in threads that an event loop awaits and a process does not wait for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from bentoml._util.daemon_thread import run_in_daemon_thread


def test_result_and_error_reach_whoever_awaits() -> None:
    def fail() -> None:
        raise KeyError("gone")

    async def run() -> int:
        with pytest.raises(KeyError, match="gone"):
            await run_in_daemon_thread(fail)
        return await run_in_daemon_thread(threading.get_ident)

    assert asyncio.run(run()) != threading.get_ident()


def test_function_that_does_not_end_keeps_neither_the_loop_nor_the_process() -> None:
    code = """
import asyncio, threading
from bentoml._util.daemon_thread import run_in_daemon_thread

async def run():
    waiting = run_in_daemon_thread(threading.Event().wait)
    await asyncio.wait({waiting}, timeout=0)
    print("left")

asyncio.run(run())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")
