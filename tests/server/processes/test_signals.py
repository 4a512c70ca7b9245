"""Which signals the processes of a server leave to their parent, and what their own children make of them."""

from __future__ import annotations

import subprocess
import sys

SOURCE = """
import multiprocessing, os, signal, subprocess, sys, time

from bentoml.server.processes import signals

signals.leave_signals_to_parent()
signals.let_forks_take_signals()
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    os.kill(os.getpid(), number)
forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
forked.start()
forked.terminate()
forked.join(60)
started = subprocess.Popen(["sleep", "600"])
started.terminate()
print(forked.exitcode, started.wait(60))
"""


def test_process_leaves_signals_to_its_parent_and_its_children_take_them() -> None:
    done = subprocess.run([sys.executable, "-c", SOURCE], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "-15 -15\n", "")
