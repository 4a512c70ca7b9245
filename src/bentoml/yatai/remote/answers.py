"""What a registry answers, read into the values that all registries give. Fields that are not known are skipped."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from bentoml.service.metadata import BentoServiceMetadata, parse_timestamp
from bentoml.yatai.models import Alias, AliasChange, Bento, BentoUri, UploadState, UploadStatus, UriType
from bentoml.yatai.remote.failures import nonsense

if TYPE_CHECKING:
    from bentoml.yatai.remote.address import RegistryAddress

_Answer = TypeVar("_Answer")


class Place(msgspec.Struct):
    """Where the files of a bundle are."""

    type: str
    uri: str


class Bundle(msgspec.Struct):
    """One bundle."""

    name: str
    version: str
    uri: Place
    metadata: dict[str, Any]
    labels: dict[str, str]
    status: dict[str, Any]
    created_at: datetime | None
    created_by: str = ""
    aliases: list[str] = []
    size_bytes: int | None = None
    tree_digest: str | None = None
    deleted_at: datetime | None = None
    deleted_by: str = ""


class BundlePage(msgspec.Struct):
    """Some bundles."""

    bundles: list[Bundle]
    next_offset: int | None = None
    total: int | None = None


class TagText(msgspec.Struct):
    """Name and version of a bundle."""

    name: str
    version: str


class Tags(msgspec.Struct):
    """Tags."""

    tags: list[TagText]


class Aliases(msgspec.Struct):
    """Aliases."""

    aliases: list[Alias]


class AliasHistory(msgspec.Struct):
    """What aliases stood for."""

    changes: list[AliasChange]


class AuditLine(msgspec.Struct):
    """One change of the registry."""

    id: int
    at: datetime
    actor: str
    action: str
    resource_type: str
    resource: str
    detail: dict[str, Any]


class AuditPage(msgspec.Struct):
    """Changes, newest first."""

    entries: list[AuditLine]
    next_before: int | None = None


class MissingContent(msgspec.Struct):
    """A content that has not come to its end."""

    digest: str
    size_bytes: int
    offset: int


class UploadAnswer(msgspec.Struct):
    """An upload; or the bundle that has its files already."""

    id: str | None
    missing: list[MissingContent]
    bundle: Bundle | None = None


def read_as(kind: type[_Answer], body: bytes, address: RegistryAddress) -> _Answer:
    """An answer of a kind.

    Raises:
        BentoMLRpcError: it is something else.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise nonsense(address, f"something else than it should: {error}") from error


def as_bento(bundle: Bundle, address: RegistryAddress) -> Bento:
    """A bundle as all registries give it.

    Raises:
        BentoMLRpcError: the registry describes it in a way that makes no sense.
    """
    try:
        metadata = BentoServiceMetadata.from_json(bundle.metadata)
        status = _status(bundle.status)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise nonsense(
            address, f"with a description of {bundle.name}:{bundle.version} that is none: {error}"
        ) from error
    kind = UriType.__members__.get(bundle.uri.type, UriType.UNSET)
    return Bento(
        name=bundle.name,
        version=bundle.version,
        uri=BentoUri(kind, bundle.uri.uri),
        bento_service_metadata=replace(metadata, labels=bundle.labels),
        status=status,
        created_at=bundle.created_at,
        created_by=bundle.created_by,
        aliases=tuple(bundle.aliases),
        size_bytes=bundle.size_bytes,
        tree_digest=bundle.tree_digest,
        deleted_at=bundle.deleted_at,
        deleted_by=bundle.deleted_by,
    )


def _status(document: dict[str, Any]) -> UploadStatus:
    updated_at = document.get("updatedAt")
    return UploadStatus(
        UploadState[document["status"]],
        None if updated_at is None else parse_timestamp(updated_at),
        int(document.get("percentage", 0)),
        str(document.get("errorMessage", "")),
    )
