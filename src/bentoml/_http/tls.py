"""TLS: the certificate and the key are looked at before anything starts."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Protocol

from bentoml.exceptions import BentoMLException


class TlsFiles(Protocol):
    """The options of a server that name its certificate.

    Attributes:
        ssl_certfile: PEM file of the certificate chain; None serves without TLS.
        ssl_keyfile: PEM file of its private key; None when the key stands in `ssl_certfile`.
    """

    @property
    def ssl_certfile(self) -> str | None: ...

    @property
    def ssl_keyfile(self) -> str | None: ...


def tls_context(options: TlsFiles) -> ssl.SSLContext | None:
    """The server's side of TLS 1.2 or newer; None when the options ask for no TLS.

    Raises:
        BentoMLException: a file cannot be read, is not what it should be, or the two do not belong together.
    """
    if options.ssl_certfile is None:
        return None
    certfile, keyfile = options.ssl_certfile, options.ssl_keyfile
    _check_file("certificate", "--ssl-certfile", certfile, b"CERTIFICATE-----")
    _check_file("private key", "--ssl-keyfile", certfile if keyfile is None else keyfile, b"PRIVATE KEY-----")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certfile, keyfile, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BentoMLException(
                f"the private key {keyfile or certfile} does not belong to the certificate {certfile}; "
                "name the key that the certificate was made for with --ssl-keyfile"
            ) from error
        raise BentoMLException(
            f"the certificate {certfile} and the private key {keyfile or certfile} cannot be used: "
            f"{error.reason or error}; they must be PEM files"
        ) from error
    except (OSError, ValueError) as error:
        raise BentoMLException(f"the certificate {certfile} cannot be used: {error}") from error
    # One protocol is spoken here; a client that offers others as well is told which.
    context.set_alpn_protocols(["http/1.1"])
    return context


class _EncryptedKeyError(BentoMLException):
    """There is nobody to ask for the password of a key."""


def _no_password() -> str:
    raise _EncryptedKeyError(
        "the private key of the certificate is encrypted; "
        "write it without a password, readable for the server alone: openssl pkey -in KEY -out PLAIN_KEY"
    )


def _check_file(what: str, option: str, path: str, marker: bytes) -> None:
    """Say which file is wrong, which the errors of OpenSSL do not."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BentoMLException(
            f"the {what} {path} cannot be read: {error.strerror or error}; name a PEM file with {option}"
        ) from error
    if marker not in content:
        raise BentoMLException(f"{path} holds no {what} in PEM form; name one with {option}")
