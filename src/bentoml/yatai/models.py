"""What the registry says about a bundle. Attributes are snake_case, JSON is camelCase, enums are written by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml._util.json_forms import timestamp_text

if TYPE_CHECKING:
    from bentoml.service.metadata import BentoServiceMetadata


class UriType(IntEnum):
    """Kind of place a bundle's files are in."""

    UNSET = 0
    LOCAL = 1
    S3 = 2
    GCS = 3
    AZURE_BLOB_STORAGE = 4
    HDFS = 5


class UploadState(IntEnum):
    """How far the upload of a bundle has come. Only DONE bundles are listed, resolved and loaded."""

    UNINITIALIZED = 0
    UPLOADING = 1
    DONE = 2
    ERROR = 3
    TIMEOUT = 4


class SortBy(IntEnum):
    """Column that a listing is sorted by."""

    CREATED_AT = 0
    NAME = 1


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class BentoUri:
    """Where the files of a bundle are.

    Attributes:
        type: kind of place.
        uri: a path for LOCAL, else a URL.
        s3_presigned_url: a URL that reads the files without credentials, when they are in S3.
        gcs_presigned_url: likewise for GCS.
    """

    UNSET: ClassVar[UriType] = UriType.UNSET
    LOCAL: ClassVar[UriType] = UriType.LOCAL
    S3: ClassVar[UriType] = UriType.S3
    GCS: ClassVar[UriType] = UriType.GCS
    AZURE_BLOB_STORAGE: ClassVar[UriType] = UriType.AZURE_BLOB_STORAGE
    HDFS: ClassVar[UriType] = UriType.HDFS

    type: UriType = UriType.UNSET
    uri: str = ""
    s3_presigned_url: str = ""
    gcs_presigned_url: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields that are set, in camelCase."""
        document: dict[str, Any] = {"type": self.type.name, "uri": self.uri}
        if self.s3_presigned_url:
            document["s3PresignedUrl"] = self.s3_presigned_url
        if self.gcs_presigned_url:
            document["gcsPresignedUrl"] = self.gcs_presigned_url
        return document


@dataclass(frozen=True)
class UploadStatus:
    """State of an upload.

    Attributes:
        status: the state.
        updated_at: when it was reached.
        percentage: share of the bytes received, 0-100; 0 when nobody counted.
        error_message: why the upload failed, for ERROR and TIMEOUT.
    """

    UNINITIALIZED: ClassVar[UploadState] = UploadState.UNINITIALIZED
    UPLOADING: ClassVar[UploadState] = UploadState.UPLOADING
    DONE: ClassVar[UploadState] = UploadState.DONE
    ERROR: ClassVar[UploadState] = UploadState.ERROR
    TIMEOUT: ClassVar[UploadState] = UploadState.TIMEOUT

    status: UploadState = UploadState.UNINITIALIZED
    updated_at: datetime | None = None
    percentage: int = 0
    error_message: str = ""

    def to_json(self) -> dict[str, Any]:
        """The fields that are set, in camelCase."""
        document: dict[str, Any] = {"status": self.status.name}
        if self.updated_at is not None:
            document["updatedAt"] = timestamp_text(self.updated_at)
        if self.percentage:
            document["percentage"] = self.percentage
        if self.error_message:
            document["errorMessage"] = self.error_message
        return document


@dataclass(frozen=True)
class Bento:
    """One registered bundle.

    Attributes:
        name: name of the service.
        version: version of the bundle.
        uri: where the files are.
        bento_service_metadata: what the bundle contains; its `labels` are those of the registry.
        status: state of the upload.
        created_at: when the registry took the bundle in; decides the order of listings and `latest`.
        created_by: who brought it; empty where that was not written down.
        aliases: names that stand for this version, sorted.
        size_bytes: of all its files; None where they were not counted.
        tree_digest: of the list of its files; None where there is none.
        deleted_at: when it was deleted; None for a bundle that is there.
        deleted_by: who deleted it.
    """

    name: str
    version: str
    uri: BentoUri
    bento_service_metadata: BentoServiceMetadata
    status: UploadStatus = field(default_factory=UploadStatus)
    created_at: datetime | None = None
    created_by: str = ""
    aliases: tuple[str, ...] = ()
    size_bytes: int | None = None
    tree_digest: str | None = None
    deleted_at: datetime | None = None
    deleted_by: str = ""

    @property
    def tag(self) -> str:
        """`name:version`."""
        return f"{self.name}:{self.version}"

    def to_json(self) -> dict[str, Any]:
        """The document that `bentoml get name:version -o json` prints."""
        document: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "uri": self.uri.to_json(),
            "bentoServiceMetadata": self.bento_service_metadata.to_json(),
            "status": self.status.to_json(),
        }
        if self.aliases:
            document["aliases"] = list(self.aliases)
        return document


@dataclass(frozen=True)
class Alias:
    """A name for one version of a bundle.

    Attributes:
        name: of the bundle.
        alias: such as `production`.
        version: that it stands for.
        updated_at: when it was set.
        updated_by: who set it.
    """

    name: str
    alias: str
    version: str
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True)
class AliasChange:
    """What an alias stood for from some time on.

    Attributes:
        name: of the bundle.
        alias: the alias.
        version: that it was set to; None when it was removed.
        changed_at: when.
        changed_by: by whom.
    """

    name: str
    alias: str
    version: str | None
    changed_at: datetime
    changed_by: str
