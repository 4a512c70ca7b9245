"""Whom a client believes over TLS, and what it shows of itself."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from bentoml.yatai.remote.settings import RemoteSettings


def registry_context(settings: RemoteSettings) -> ssl.SSLContext:
    """The client's side of TLS 1.2 or newer, for the registry.

    Raises:
        BentoMLConfigException: a file cannot be read, or is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BentoMLConfigException(
            f"{settings.ca_file} cannot be used: {error}; yatai.remote.tls.root_ca_cert is a PEM file of certificates"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.client_certificate is not None:
        try:
            context.load_cert_chain(settings.client_certificate, settings.client_key)
        except (OSError, ssl.SSLError) as error:
            raise BentoMLConfigException(
                f"{settings.client_certificate} cannot be shown to the registry: {error}; see "
                "yatai.remote.tls.client_cert and client_key, which are PEM files"
            ) from error
    elif settings.client_key is not None:
        raise BentoMLConfigException("yatai.remote.tls.client_key is of no use without client_cert")
    return context


def store_context(settings: RemoteSettings) -> ssl.SSLContext:
    """The same for the store that a registry sends its clients to.

    That may be a cloud's as well as one beside the registry, so the authorities of the system are trusted, too; and it
    is shown no certificate, as it is none of its business who asks.
    """
    context = ssl.create_default_context()
    if settings.ca_file is not None:
        context.load_verify_locations(settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
