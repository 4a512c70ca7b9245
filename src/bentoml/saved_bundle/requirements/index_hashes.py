"""The digests of the files of distributions, as an index has them; uv or pip asks it.

uv gives the digests of all files of a version, pip that of the one file which it would install on this machine. Both
go by their own configuration: indexes, credentials, proxies. A distribution that has no wheel may be built by them.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util import proc
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.requirements.requirement_text import canonical_name, logical_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOLS = ("uv", "pip")
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:==| @ )\S+(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})*)(?:\s*;.*)?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def find_tool(wanted: str | None = None) -> str:
    """The tool that is there.

    Args:
        wanted: one of `TOOLS`; None takes the first.

    Raises:
        BentoMLException: it is not there, or none is.
    """
    there = [name for name, found in (("uv", find_uv() is not None), ("pip", _has_pip())) if found]
    if wanted is not None and wanted not in there:
        raise BentoMLException(f"{wanted} is not installed for {sys.executable}; install it, or take another tool")
    if not there:
        raise BentoMLException(f"neither uv nor pip is installed for {sys.executable}; run: pip install uv")
    return wanted or there[0]


def ask_for_hashes(lines: Sequence[str], tool: str, *, timeout_s: float) -> dict[str, tuple[str, ...]]:
    """The digests of the files of some distributions.

    Args:
        lines: requirements of one version each, and options that say where to look.
        tool: one of `TOOLS`.
        timeout_s: the tool is stopped after this many seconds.

    Returns:
        SHA-256 in hex by canonical name. What the tool said nothing about is not there.

    Raises:
        BentoMLException: the tool failed, or took too long; the text has what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="bentoml-lock-") as directory:
        requirements = Path(directory, "requirements.txt")
        requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if tool == "uv":
            return _ask_uv(requirements, timeout_s)
        return _ask_pip(requirements, Path(directory, "report.json"), timeout_s)


def _ask_uv(requirements: Path, timeout_s: float) -> dict[str, tuple[str, ...]]:
    options = ["--no-deps", "--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--python"]
    argv = [str(find_uv()), "pip", "compile", *options, sys.executable, str(requirements)]
    printed = proc.run(argv, timeout_s=timeout_s, check=True).stdout
    found = (_LINE.fullmatch(line) for _, line in logical_lines(printed.splitlines()))
    return {canonical_name(one["name"]): tuple(_HASH.findall(one["hashes"])) for one in found if one is not None}


def _ask_pip(requirements: Path, report: Path, timeout_s: float) -> dict[str, tuple[str, ...]]:
    options = ["--dry-run", "--ignore-installed", "--no-deps", "--no-input", "--quiet", "--disable-pip-version-check"]
    argv = [sys.executable, "-m", "pip", "install", *options, "--report", str(report), "-r", str(requirements)]
    proc.run(argv, timeout_s=timeout_s, check=True)
    document: Any = json.loads(report.read_text(encoding="utf-8"))
    found: dict[str, tuple[str, ...]] = {}
    for one in document["install"]:
        digest = one["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256", "")
        if _SHA256.fullmatch(digest):
            found[canonical_name(one["metadata"]["name"])] = (digest,)
    return found


def find_uv() -> str | None:
    """The program, beside this Python or on PATH; None when it is not installed."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None
