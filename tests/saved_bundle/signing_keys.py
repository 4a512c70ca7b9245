"""Keys that tests sign bundles with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


class Keys:
    """A pair of keys in two files."""

    def __init__(self, directory: Path, name: str, password: bytes | None = None, key: Any = None) -> None:
        key = key or Ed25519PrivateKey.generate()
        encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
        self.private, self.public = directory / f"{name}.pem", directory / f"{name}.pub.pem"
        self.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        self.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
