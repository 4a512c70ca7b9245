"""Signatures over bundles: who made one, and that nothing in it has changed since.

`SHA256SUMS` names every file of a bundle with its digest. Its Ed25519 signature (RFC 8032), 64 bytes, lies beside it
as `SHA256SUMS.sig`. The package directory has the same pair, because `pip install` copies that alone. OpenSSL can
check it:

    openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import write_atomic
from bentoml._util.optional import require
from bentoml.configuration import get_config
from bentoml.exceptions import BentoMLConfigException, BundleSignatureException, InvalidArgument
from bentoml.saved_bundle.integrity import verified_bundle, verify_sums
from bentoml.saved_bundle.layout import DIGESTS, SIGNATURE
from bentoml.saved_bundle.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from bentoml.saved_bundle.manifest import Manifest
    from bentoml.saved_bundle.verified_files import VerifiedFiles

_HOW_TO_MAKE_ONE = "make one with: openssl genpkey -algorithm ed25519 -out private.pem"
_HOW_TO_SIGN = "sign it with: bentoml sign BENTO --key private.pem"


def sign_bundle(bundle_path: Path, private_key: Path, password: bytes | None = None) -> None:
    """Sign a bundle that is as it was saved. A signature that is there already is replaced.

    Args:
        bundle_path: directory of the bundle.
        private_key: file with an Ed25519 key, PEM in the form PKCS #8.
        password: of the key, when it is encrypted.

    Raises:
        BundleIntegrityException: a file is not the one that was saved.
        BundleSignatureException: the bundle is of an older format, which has no digests.
        InvalidArgument: it is no such key, or the password does not fit.
        MissingDependencyException: the library `cryptography` is not installed.
    """
    key = _private_key(private_key, password)
    if not (bundle_path / DIGESTS).is_file():
        verified_bundle(bundle_path)
        raise BundleSignatureException(f"{bundle_path} has no {DIGESTS} to sign; save the service again")
    # What is signed is what was compared, whatever the files hold by then.
    sums = (bundle_path / DIGESTS).read_bytes()
    manifest, files = verify_sums(bundle_path, sums)
    inner = f"{manifest.service_name}/{DIGESTS}"
    if inner in files.names:
        content = files.content(bundle_path / inner)
        write_atomic(bundle_path / manifest.service_name / SIGNATURE, key.sign(content))
    write_atomic(bundle_path / SIGNATURE, key.sign(sums))


def verify_signature(bundle_path: Path, public_keys: Sequence[Path]) -> tuple[Manifest, Path]:
    """Check that a bundle was signed with one of some keys, and that every file is the one that was signed.

    Args:
        bundle_path: directory of the bundle, or of the package that pip installed from one.
        public_keys: files with Ed25519 keys in PEM.

    Returns:
        The manifest, and the file of the key.

    Raises:
        As `_verify`.
    """
    manifest, _, key = _verify(bundle_path, public_keys)
    return manifest, key


def _verify(bundle_path: Path, public_keys: Sequence[Path]) -> tuple[Manifest, VerifiedFiles, Path]:
    """What `verify_signature` does; with the files.

    Raises:
        BundleSignatureException: there is no signature, or none of the keys made it.
        BundleIntegrityException: a file was changed, added or removed.
        InvalidArgument: a file holds no such key.
        MissingDependencyException: the library `cryptography` is not installed.
    """
    try:
        sums = (bundle_path / DIGESTS).read_bytes()
        signature = (bundle_path / SIGNATURE).read_bytes()
    except FileNotFoundError as error:
        raise BundleSignatureException(f"{bundle_path} is not signed: it has no {SIGNATURE}; {_HOW_TO_SIGN}") from error
    key = signing_key(sums, signature, public_keys)
    if key is not None:
        # The list is the one that was signed, and so are all files when they are those of the list. It is not read
        # again, as another one may lie there by then.
        return (*verify_sums(bundle_path, sums), key)
    tried = ", ".join(str(path) for path in public_keys) or "none"
    raise BundleSignatureException(
        f"{bundle_path} is signed, but with none of the trusted keys (tried {tried}), or {DIGESTS} was changed since"
    )


def signing_key(sums: bytes, signature: bytes, public_keys: Sequence[Path]) -> Path | None:
    """Which of some keys has signed a list of files; None when none of them has.

    Args:
        sums: content of `SHA256SUMS`.
        signature: content of `SHA256SUMS.sig`.
        public_keys: files with Ed25519 keys in PEM.

    Raises:
        InvalidArgument: a file holds no such key.
        MissingDependencyException: the library `cryptography` is not installed.
    """
    keys = [(path, _public_key(path)) for path in public_keys]
    return next((path for path, key in keys if _is_signed_with(key, signature, sums)), None)


def checked_manifest(bundle_path: Path, *, verify: bool) -> Manifest:
    """Check a bundle as the configuration asks for, before anything of it runs; see `checked_bundle`."""
    return checked_bundle(bundle_path, verify=verify)[0]


def checked_bundle(bundle_path: Path, *, verify: bool) -> tuple[Manifest, VerifiedFiles | None]:
    """Check a bundle as the configuration asks for, before anything of it runs.

    Args:
        bundle_path: directory of the bundle.
        verify: compare every file with the digests that were saved; where signatures are required that is done anyway.

    Returns:
        The manifest; and the files that were compared, with which whoever reads them later can do so again. None when
        they were not.

    Raises:
        BundleSignatureException: `bundles.require_signature` is on, and no key of `bundles.trusted_keys` has signed it.
        BundleIntegrityException: a file was changed, added or removed.
        BentoMLConfigException: it is not a bundle; or there are no trusted keys, or one cannot be read.
        MissingDependencyException: signatures are required, and the library `cryptography` is not installed.
    """
    policy = get_config().bundles
    if not policy.require_signature:
        return verified_bundle(bundle_path) if verify else (read_manifest(bundle_path), None)
    keys = trusted_keys()
    if not keys:
        raise BentoMLConfigException(
            "bundles.require_signature is on, but bundles.trusted_keys is empty: no bundle can be used; "
            "list the files of the public keys to trust"
        )
    # Compiled Python that the code of a bundle would leave in it is none of the files that were signed.
    sys.dont_write_bytecode = True
    try:
        manifest, files, _ = _verify(bundle_path, keys)
    except InvalidArgument as error:
        raise BentoMLConfigException(f"bundles.trusted_keys: {error}") from error
    except BundleSignatureException as error:
        raise BundleSignatureException(f"{error}; bundles.require_signature is on") from error
    return manifest, files


def trusted_keys() -> list[Path]:
    """The files of the keys that the configuration trusts.

    Raises:
        BentoMLConfigException: one is named by a path that is not absolute.
    """
    keys = [Path(name).expanduser() for name in get_config().bundles.trusted_keys]
    for key in keys:
        if not key.is_absolute():
            raise BentoMLConfigException(
                f"bundles.trusted_keys: {key} is not an absolute path, so that the working directory would decide "
                "which key is trusted; write it from / on"
            )
    return keys


def _is_signed_with(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except require("cryptography.exceptions").InvalidSignature:
        return False
    return True


def _private_key(path: Path, password: bytes | None) -> Ed25519PrivateKey:
    load = require("cryptography.hazmat.primitives.serialization").load_pem_private_key
    key: Ed25519PrivateKey = _key_in(
        path,
        "Ed25519PrivateKey",
        lambda content: load(content, password),
        f"no private key in PEM, or the password is wrong; {_HOW_TO_MAKE_ONE}",
    )
    return key


def _public_key(path: Path) -> Ed25519PublicKey:
    load = require("cryptography.hazmat.primitives.serialization").load_pem_public_key
    key: Ed25519PublicKey = _key_in(
        path,
        "Ed25519PublicKey",
        load,
        "no public key in PEM; get it with: openssl pkey -in private.pem -pubout -out public.pem",
    )
    return key


def _key_in(path: Path, kind: str, load: Callable[[bytes], Any], otherwise: str) -> Any:
    """The key in a file.

    Args:
        path: the file.
        kind: name of the class that the key has to be of.
        load: makes a key of the content.
        otherwise: what the file is said to be when that fails, and what to do.

    Raises:
        InvalidArgument: it is no such key.
    """
    wanted = getattr(require("cryptography.hazmat.primitives.asymmetric.ed25519"), kind)
    content = _read_key(path)
    try:
        key = load(content)
    except TypeError as error:  # a password is missing, or one is given for a key that has none
        raise InvalidArgument(f"{path}: {error}") from error
    except (ValueError, require("cryptography.exceptions").UnsupportedAlgorithm) as error:
        raise InvalidArgument(f"{path} is {otherwise}") from error
    if not isinstance(key, wanted):
        raise InvalidArgument(f"{path} is no Ed25519 key; {_HOW_TO_MAKE_ONE}")
    return key


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidArgument(f"the key {path} cannot be read: {error.strerror}") from error
