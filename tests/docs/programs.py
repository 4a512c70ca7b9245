"""Programs that pages start: nginx, Traefik and Prometheus; also for tests of what such a page says."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.page_run import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docs.page_run import PageRun

CONTAINERS = "<!-- The slow tests run this page with podman in the place of docker. -->"
"""A comment on a page that tests/deploy/containers/test_guides.py runs."""

PROGRAMS = {
    "<!-- The tests run this page with nginx and Traefik. -->": (("nginx", "traefik"), (5001, 8443, 8444)),
    "<!-- The tests run this page with Prometheus. -->": (("prometheus", "promtool"), (9091,)),
}
"""Comments on pages, the programs that these start, and the ports that they name and that no server of a page has."""


def programs_or_skip(*names: str) -> None:
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        pytest.skip(f"missing on this machine: {', '.join(missing)}; see scripts/test")


def nginx_of_root(directory: Path) -> Path:
    """A program `nginx` whose workers stay root: the directories of tests are closed to all others.

    Args:
        directory: made here, for the `PATH`.
    """
    directory.mkdir()
    program = directory / "nginx"
    user = "-g 'user root;'" if os.geteuid() == 0 else ""
    program.write_text(f'#!/bin/sh\nexec {shutil.which("nginx")} {user} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return directory


def end_programs(directory: Path) -> None:
    """End what its pid files name."""
    for file in directory.glob("*.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.read_text(encoding="ascii")), signal.SIGTERM)


@contextlib.contextmanager
def programs_for(text: str, run: PageRun) -> Iterator[None]:
    """Give a page the programs that its comment names, and free ports; end what is still running in the end."""
    for comment, (names, ports) in PROGRAMS.items():
        if comment in text:
            programs_or_skip(*names)
            run.ports |= {port: free_port() for port in ports}
            if "nginx" in names:
                run.env["PATH"] = f"{nginx_of_root(run.directory / 'programs')}{os.pathsep}{run.env['PATH']}"
    try:
        yield
    finally:
        end_programs(run.work)
