"""The entries of artifacts in `bentoml.yml`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bentoml._util.json_forms import camel_case
from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.service.metadata import ArtifactMetadata

_SHA256 = re.compile(r"[0-9a-f]{64}")


def manifest_entry(record: ArtifactMetadata) -> dict[str, Any]:
    """The entry of an artifact in the manifest, keys in the order of the file."""
    entry: dict[str, Any] = {
        "name": record.name,
        "artifact_type": record.artifact_type,
        "metadata": record.metadata,
        "artifact_class": record.artifact_class,
    }
    if record.carries_pickle is not None:
        entry["carries_pickle"] = record.carries_pickle
    if record.facts:
        entry["facts"] = record.facts
    if record.files:
        entry["files"] = [
            {"path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256} for file in record.files
        ]
    return entry


def read_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the manifest under the names of `ArtifactMetadata` in JSON.

    Raises:
        BentoMLConfigException: what stands under a key is of the wrong kind.
    """
    values = {camel_case(key): value for key, value in entry.items() if value is not None}
    where = f"artifact {entry['name']!r}"
    for key, kind, words in (
        ("artifactClass", str, "a text"),
        ("carriesPickle", bool, "true or false"),
        ("facts", dict, "a mapping"),
        ("files", list, "a list"),
    ):
        if not isinstance(values.get(key, kind()), kind):
            raise BentoMLConfigException(f"{key!r} of {where} must be {words}")
    values["files"] = [_read_file(item, where) for item in values.get("files", ())]
    return values


def _read_file(item: Any, where: str) -> dict[str, Any]:
    if isinstance(item, dict):
        path, size_bytes, sha256 = (item.get(key) for key in ("path", "size_bytes", "sha256"))
        is_size = isinstance(size_bytes, int) and not isinstance(size_bytes, bool) and size_bytes >= 0
        if isinstance(path, str) and is_size and isinstance(sha256, str) and _SHA256.fullmatch(sha256):
            return {"path": path, "sizeBytes": size_bytes, "sha256": sha256}
    raise BentoMLConfigException(f"a file of {where} must have a path, its size_bytes and its sha256")
