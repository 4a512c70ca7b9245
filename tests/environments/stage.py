"""Runs the tests that the suite has left to other environments: `python -m tests.environments.stage LEFT_FILE`.

Each environment is made, or taken as it is, and pytest runs in it with the tests that are left to it. Every one of
these has to have an outcome there, and the exit code of pytest has to be 0. `tests.skip_guard` is at work there, too:
in continuous integration nothing is skipped that should have run. Several run at once where the memory allows.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.environments import outcomes
from tests.environments.build import ROOT, BuildError, UnfitMachineError, ensure
from tests.environments.selection import INSIDE_VARIABLE, LEFT_VARIABLE
from tests.environments.table import ENVIRONMENTS, Environment
from tests.skip_guard import is_ci

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RUN_LIMIT_S = 1200.0
LINES_SHOWN = 120
MISSING_SHOWN = 10
_OUTPUT, _OUTCOMES = "output.txt", "outcomes.json"
_MEMORY_FILE = Path("/proc/meminfo")

Ensure = Callable[[str, Environment], Path]


@dataclass(frozen=True)
class Outcome:
    """How the tests of one environment went.

    Attributes:
        is_good: whether the whole run may be.
        text: for people: one line, and below it what went wrong.
    """

    is_good: bool
    text: str


class MemoryBudget:
    """Lets as many in as there is memory for, and always one.

    Args:
        total_mib: memory for all together.
    """

    def __init__(self, total_mib: int) -> None:
        self._free_mib = total_mib
        self._total_mib = total_mib
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, wanted_mib: int) -> Iterator[None]:
        """Hold some memory; waits until it is free."""
        held_mib = min(wanted_mib, self._total_mib)
        with self._changed:
            self._changed.wait_for(lambda: self._free_mib >= held_mib)
            self._free_mib -= held_mib
        try:
            yield
        finally:
            with self._changed:
                self._free_mib += held_mib
                self._changed.notify_all()


def available_mib() -> int:
    """Memory of the machine that is free to be used; where it does not say, too little for two environments."""
    if not _MEMORY_FILE.exists():
        return 1
    lines = dict(line.split(":", 1) for line in _MEMORY_FILE.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) // 1024


def run_environment(
    name: str, environment: Environment, tests: Sequence[str], *, ensure: Ensure = ensure, root: Path = ROOT
) -> Outcome:
    """Make one environment and run tests in it.

    Args:
        name: of the environment.
        environment: what it has.
        tests: node ids.
        ensure: makes it and returns its interpreter.
        root: where the tests are.
    """
    began_s = time.monotonic()
    try:
        python = ensure(name, environment)
    except UnfitMachineError as error:
        more = "; with CI=true nothing is left out" if is_ci() else ""
        return Outcome(not is_ci(), f"{name}: {len(tests)} tests are left out: {error}{more}")
    except BuildError as error:
        return Outcome(False, f"{name}: cannot be made\n{error}")
    built_s = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        code = _run_pytest(python, name, environment, tests, root=root, scratch=Path(scratch))
        output = Path(scratch, _OUTPUT).read_text(encoding="utf-8", errors="replace")
        ended: dict[str, str] = _read_json(Path(scratch, _OUTCOMES))
    missing = [test for test in tests if test not in ended]
    kinds = list(ended.values())
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))) or "nothing ran"
    line = f"{name}: {counts} in {time.monotonic() - built_s:.0f} s, after {built_s - began_s:.0f} s of making it"
    if code == 0 and not missing:
        return Outcome(True, line)
    shown = [f"did not run: {test}" for test in missing[:MISSING_SHOWN]]
    if len(missing) > MISSING_SHOWN:
        shown.append(f"and {len(missing) - MISSING_SHOWN} more did not run")
    return Outcome(False, "\n".join([line, f"exit code {code}", *shown, *output.splitlines()[-LINES_SHOWN:]]))


def _run_pytest(
    python: Path, name: str, environment: Environment, tests: Sequence[str], *, root: Path, scratch: Path
) -> int:
    """The exit code; output and outcomes are in the scratch directory."""
    arguments = scratch / "tests.txt"
    arguments.write_text("\n".join(tests), encoding="utf-8")
    variables = {key: value for key, value in os.environ.items() if key != LEFT_VARIABLE}
    variables |= {**environment.variables, INSIDE_VARIABLE: name, outcomes.VARIABLE: str(scratch / _OUTCOMES)}
    options = ["-q", "-p", "no:cacheprovider", "-p", outcomes.__name__, *environment.pytest_args]
    with (scratch / _OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "pytest", *options, f"@{arguments}"],
            cwd=root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            return process.wait(RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the servers that tests have started
            return process.wait()


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def run_all(left: Mapping[str, Sequence[str]]) -> bool:
    """Run what is left to each environment; whether all went well. Prints one line for each as it ends."""
    budget = MemoryBudget(available_mib())
    talk = threading.Lock()

    def run(name: str) -> bool:
        environment = ENVIRONMENTS[name]
        with budget.taken(environment.memory_mib):
            outcome = run_environment(name, environment, left[name])
        with talk:
            print(outcome.text, flush=True)
        return outcome.is_good

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return all(list(pool.map(run, left)))


def main(left_file: str) -> int:
    """Run what a file of `selection` says; 0 when all went well."""
    return 0 if run_all(_read_json(Path(left_file))) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
