"""Runs `bentoml` with the arguments after the first, and stops it when the process that has started it is gone.

The first argument is a descriptor: the read end of a pipe whose other end nobody but that process has. A replica that
is killed cannot stop its server any more; the end of the pipe does.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def _stop_at_end(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the command line of the library in this process."""
    lifeline = int(sys.argv.pop(1))
    threading.Thread(target=_stop_at_end, args=(lifeline,), name="lifeline", daemon=True).start()
    runpy.run_module("bentoml", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
