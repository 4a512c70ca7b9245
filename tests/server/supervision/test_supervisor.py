"""What the parent of a server costs."""

from __future__ import annotations

import subprocess
import sys


def test_parent_loads_neither_adapters_nor_what_workers_run() -> None:
    program = (
        "import sys, bentoml.server.supervision.supervisor; "
        "rooms = ('bentoml.adapters', 'bentoml.service', 'bentoml.server.workers.worker', 'starlette', 'numpy'); "
        "print([name for name in rooms if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
