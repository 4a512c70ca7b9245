"""Runs scripts that save services, each in a process of its own, forked from one that has imported the library.

The import costs more than the rest, and so does packing the library, which is done once. Run as a script: reads lines
of JSON, `{"directory": ..., "script": ..., "env": ...}`, and answers with `{"code": ..., "printed": ...}`.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

_ONE_AT_A_TIME = Lock()


def run_forked(directory: Path, script: str, env: dict[str, str]) -> tuple[int, str]:
    """Run a script of a directory, as `python SCRIPT` does there; returns its exit code, and what it has printed."""
    process = _parent()
    assert process.stdin is not None
    assert process.stdout is not None
    with _ONE_AT_A_TIME:
        process.stdin.write(json.dumps({"directory": str(directory), "script": script, "env": env}) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer["code"], answer["printed"]


@cache
def _parent() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)  # closes its stdin, which ends it
    return process


def _run(directory: str, script: str, env: dict[str, str]) -> int:
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(env)
    sys.argv, sys.path[0] = [script], directory
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as at the end of any script
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    import bentoml.adapters
    import bentoml.saved_bundle.saver
    import bentoml.yatai.local
    import bentoml.yatai.repository  # noqa: F401 - these are what a save needs
    from bentoml.saved_bundle.library_wheel import write_library_wheel

    with tempfile.TemporaryDirectory() as directory:
        write_library_wheel(Path(directory))
    for line in sys.stdin:
        with tempfile.TemporaryFile() as printed:
            child = os.fork()
            if child == 0:
                for stream in (1, 2):
                    os.dup2(printed.fileno(), stream)
                code = _run(**json.loads(line))
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
            _, status = os.waitpid(child, 0)
            printed.seek(0)
            text = printed.read().decode()
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), "printed": text}), flush=True)


if __name__ == "__main__":
    main()
