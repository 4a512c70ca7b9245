"""Certificates for tests, each signed by its own key and made by the openssl command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate for localhost, 127.0.0.1 and ::1, and of its key."""

    certfile: Path
    keyfile: Path


def make_certificate(directory: Path, name: str = "server") -> Certificate:
    made = Certificate(directory / f"{name}.crt", directory / f"{name}.key")
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    alternatives = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"]
    files = ["-keyout", str(made.keyfile), "-out", str(made.certfile)]
    done = subprocess.run([*command, *key, *alternatives, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made
