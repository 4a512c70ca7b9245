"""How long things take to start: `bentoml serve` until its first answer, `bentoml --help`, `import bentoml`."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestant import OURS, our_launch
from benchmarks.live_server import live_server
from benchmarks.processes import own_variables
from benchmarks.setting import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.setting import Setting

FIRST_ANSWER = "first-answer"
COMMANDS = "commands"
BARE, HELP, IMPORT = "python", "help", "import"
ARGUMENTS = {
    BARE: (sys.executable, "-c", "pass"),
    HELP: (str(Path(sys.executable).with_name("bentoml")), "--help"),
    IMPORT: (sys.executable, "-c", "import bentoml"),
}
_LIMIT_S = 60.0


def measure_first_answer(name: str, setting: Setting) -> None:
    """Seconds from `bentoml serve` to the first right answer.

    Raises:
        ServerError: it did not start.
    """
    for number in range(max(1, setting.pace.repeats // 4)):
        if setting.results.has(name, OURS, number):
            continue
        launch = our_launch(setting.bundles["svc"], setting.home)
        with live_server(launch, setting.logs / f"{name}-{number}.log") as server:
            setting.results.add(name, OURS, number, start_s=server.start_s)
    say(f"{name}: {setting.results.median(name, OURS, 'start_s'):.2f} s")


def measure_commands(name: str, setting: Setting) -> None:
    """Wall time of short commands, in interleaved rounds; the first round writes byte code and does not count.

    Raises:
        subprocess.SubprocessError: one of them failed.
    """
    for number in range(-1, setting.pace.repeats):
        for command, argv in ARGUMENTS.items():
            if setting.results.has(name, command, number):
                continue
            wall_s = _wall_s(argv, setting.home)
            if number >= 0:
                setting.results.add(name, command, number, wall_s=wall_s)
    for command in ARGUMENTS:
        say(f"{name}: {command:8} {1000 * (setting.results.median(name, command, 'wall_s') or 0):.1f} ms")


def _wall_s(argv: Sequence[str], home: Path) -> float:
    """Seconds that a command takes.

    Raises:
        subprocess.SubprocessError: it failed or took too long.
    """
    variables = {**own_variables(), "BENTOML_HOME": str(home)}
    began = time.perf_counter()
    with subprocess.Popen(argv, env=variables, stdout=subprocess.DEVNULL) as process:
        # A wait with a limit looks at longer and longer distances, and would find every end late.
        limit = threading.Timer(_LIMIT_S, process.kill)
        limit.start()
        exit_code = process.wait()
        wall_s = time.perf_counter() - began
        limit.cancel()
    if exit_code != 0:
        raise subprocess.CalledProcessError(exit_code, list(argv))
    return wall_s
