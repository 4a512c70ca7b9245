"""Virtual environments of the peers: made once, kept by a key of their requirements; two processes may ask at once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peer_table import ENVIRONMENTS, PEERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PEER_PYTHON = (3, 11)
PEER_FILES = Path(__file__).with_name("peers")
INSTALL_LIMIT_S = 1800.0
STEP_LIMIT_S = 300.0


class SetupError(Exception):
    """An environment could not be made; the text says why."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that is complete.

    Attributes:
        directory: Where it lies.
        versions: Version of every distribution in it, by canonical name.
    """

    directory: Path
    versions: dict[str, str]

    @property
    def bin(self) -> Path:
        """The directory of its programs."""
        return self.directory / "bin"

    @property
    def models(self) -> Path:
        """The directory of the models that its scikit-learn trained."""
        return self.directory / "models"


def find_python() -> Path:
    """A CPython of the version that the peers run on.

    Raises:
        SetupError: this machine has none.
    """
    minor = ".".join(map(str, PEER_PYTHON))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{minor}")
    candidates = [Path(sys.executable), *([Path(on_path)] if on_path else []), *pyenv.glob(f"{minor}*/bin/python")]
    question = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    for candidate in candidates:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run([candidate, "-c", question], capture_output=True, text=True, timeout=60, check=True)
            if done.stdout.split() == ["cpython", *map(str, PEER_PYTHON)]:
                return candidate
    raise SetupError(f"no CPython {minor} found on PATH or under {pyenv}; install one")


def environment_key(python: Path, name: str) -> str:
    """What an environment depends on, as a short digest: interpreter, requirements, scripts that prepare it."""
    version = subprocess.run([python, "-VV"], capture_output=True, text=True, timeout=60, check=True).stdout
    digest = hashlib.sha256(repr((version, sorted(ENVIRONMENTS[name]))).encode())
    for script in _scripts(name):
        digest.update(script.read_bytes())
    return digest.hexdigest()[:12]


def _scripts(name: str) -> list[Path]:
    """What runs in a new environment, in this order."""
    own = {PEER_FILES / peer.directory / peer.prepare for peer in PEERS if peer.environment == name and peer.prepare}
    return [PEER_FILES / "train.py", *sorted(own)]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file while the block runs; other processes wait for it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure_environment(name: str, cache: Path) -> Environment:
    """The environment of this name, made now if it is not there.

    Args:
        name: a key of `ENVIRONMENTS`.
        cache: directory that environments are kept in.

    Raises:
        SetupError: it cannot be made; the end of the log is in the text.
    """
    python = find_python()
    root = cache.resolve() / "environments"
    root.mkdir(parents=True, exist_ok=True)
    directory = root / f"{name}-{environment_key(python, name)}"
    stamp = directory / "complete.json"
    with _locked(directory.with_suffix(".lock")):
        if not stamp.exists():
            _make(name, python, directory)
        versions: dict[str, str] = json.loads(stamp.read_text())
    return Environment(directory, versions)


def _make(name: str, python: Path, directory: Path) -> None:
    """Create, install, train, list; the stamp comes last, so that what was broken off is begun again."""
    log = directory.with_suffix(".log")
    log.unlink(missing_ok=True)
    print(f"setting up {directory.name} (log: {log})", flush=True)
    own = directory / "bin" / "python"
    _step([python, "-m", "venv", "--clear", directory], log)
    _step([own, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *ENVIRONMENTS[name]], log)
    for script in _scripts(name):
        _step([own, script, directory / "models"], log)
    listing = [str(own), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    done = subprocess.run(listing, capture_output=True, text=True, timeout=STEP_LIMIT_S, check=True)
    versions = {item["name"].lower().replace("_", "-"): item["version"] for item in json.loads(done.stdout)}
    half_written = directory / "complete.json.new"
    half_written.write_text(json.dumps(versions, indent=1, sort_keys=True))
    half_written.replace(directory / "complete.json")


def _step(argv: Sequence[str | Path], log: Path) -> None:
    """Run one command of the set-up; its output goes to the end of the log.

    Raises:
        SetupError: it failed or took too long.
    """
    variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    with log.open("ab") as file:
        file.write(f"$ {' '.join(map(str, argv))}\n".encode())
        file.flush()
        try:
            done = subprocess.run(
                list(argv), stdout=file, stderr=file, env=variables, timeout=INSTALL_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise SetupError(f"{argv[0]} did not end within {INSTALL_LIMIT_S:.0f} s; see {log}") from error
    if done.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines()[-8:]
        raise SetupError(f"exit code {done.returncode}, log {log}: " + " / ".join(line.strip() for line in lines))
