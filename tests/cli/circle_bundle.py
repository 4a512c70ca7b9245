"""A service that needs a library which the environment of the tests does not have, and the bundle of it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

SERVICE = """
import sys

import bentoml
from bentoml.adapters import JsonInput
from places.decimal import PLACES


@bentoml.env({env})
class Circle(bentoml.BentoService):
    '''Knows pi.'''

    @bentoml.api(input=JsonInput())
    def pi(self, parsed):
        import mpmath

        mpmath.mp.dps = PLACES
        return [str(mpmath.mp.pi), sys.prefix]
"""
PI = "3.1415926536"
ENV = "pip_packages=['mpmath==1.3.0']"


def save_circle(project: Path, bundle: Path, *, version: str = "1.0", env: str = ENV) -> Path:
    """Write the service into one directory and its bundle into another, in a process of its own.

    Args:
        project: directory for the modules of the service; made when it is missing.
        bundle: directory for the bundle; made.
        version: of the service.
        env: arguments of `@env`.

    Returns:
        `bundle`.
    """
    (project / "places").mkdir(parents=True, exist_ok=True)
    (project / "places" / "__init__.py").touch()
    (project / "places" / "decimal.py").write_text("PLACES = 11\n", encoding="utf-8")
    (project / "circle.py").write_text(textwrap.dedent(SERVICE.format(env=env)), encoding="utf-8")
    bundle.mkdir(parents=True)
    code = f"from circle import Circle\nCircle().save_to_dir({str(bundle)!r}, version={version!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(project), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return bundle
