from __future__ import annotations

from datetime import datetime, timezone

import pytest

from bentoml.yatai.models import BentoUri, UploadState, UploadStatus, UriType


def test_uri_to_json_writes_the_type_by_name() -> None:
    assert BentoUri(BentoUri.LOCAL, "/x").to_json() == {"type": "LOCAL", "uri": "/x"}
    assert BentoUri(UriType.S3, "s3://b/x", s3_presigned_url="https://x").to_json() == {
        "type": "S3",
        "uri": "s3://b/x",
        "s3PresignedUrl": "https://x",
    }


def test_status_to_json_leaves_out_what_is_not_set() -> None:
    moment = datetime(2024, 5, 1, 10, 0, 0, tzinfo=timezone.utc)
    assert UploadStatus(UploadStatus.DONE, moment).to_json() == {
        "status": "DONE",
        "updatedAt": "2024-05-01T10:00:00.000000Z",
    }
    assert UploadStatus(UploadStatus.ERROR, None, 40, "disk full").to_json() == {
        "status": "ERROR",
        "percentage": 40,
        "errorMessage": "disk full",
    }


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["UNSET", "LOCAL", "S3", "GCS", "AZURE_BLOB_STORAGE", "HDFS"], UriType),
        (["UNINITIALIZED", "UPLOADING", "DONE", "ERROR", "TIMEOUT"], UploadState),
    ],
    ids=["uri-type", "upload-state"],
)
def test_enums_are_numbered_as_on_the_wire(names: list[str], kind: type[UriType | UploadState]) -> None:
    assert [member.name for member in kind] == names
    assert [int(member) for member in kind] == list(range(len(names)))
