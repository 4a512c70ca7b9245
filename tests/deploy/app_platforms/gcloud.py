"""The real gcloud as a judge of command lines and files: it reads both before it asks for an account. There is none."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S = 60

_JUDGE = """#!/bin/sh
export CLOUDSDK_CONFIG={directory}/config DOCKER_CONFIG={directory}/docker CLOUDSDK_CORE_PROJECT=a-project
export CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1
said=$({gcloud} "$@" 2>&1) && exit 0
case "$said" in *"You do not currently have an active account selected."*) exit 0 ;; esac
echo "$said"
exit 1
"""

needs_gcloud = [
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="no gcloud on this machine"),
    pytest.mark.may_skip(reason="gcloud comes from no registry of packages"),
]


def installed(directory: Path) -> Path:
    """A directory for `PATH` whose gcloud succeeds where the real one would begin to work.

    Where there is no real one it always succeeds.
    """
    judge, real = directory / "bin" / "gcloud", shutil.which("gcloud")
    judge.parent.mkdir(parents=True)
    values = {"directory": shlex.quote(str(directory)), "gcloud": shlex.quote(str(real))}
    judge.write_text("#!/bin/sh\n" if real is None else _JUDGE.format(**values), encoding="utf-8")
    judge.chmod(0o755)
    return judge.parent


def problem(argv: list[str], directory: Path) -> str:
    """What gcloud has against a command, apart from that nobody is logged in.

    Args:
        argv: arguments of gcloud.
        directory: for its files.
    """
    judge = installed(directory / "judge") / "gcloud"
    done = subprocess.run([str(judge), *argv], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0 or done.stdout.strip(), "it says why it fails"
    return done.stdout
