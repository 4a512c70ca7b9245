"""What the lock and the bill of materials of a bundle are, in a few words for those who look at it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLConfigException
from bentoml.saved_bundle.layout import LOCK, SBOM
from bentoml.saved_bundle.requirements.lock import read_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def describe_requirement_files(path: Path) -> dict[str, Any]:
    """What a bundle has of these files; they are read, and not compared with their digests.

    Args:
        path: directory of the bundle.

    Returns:
        `requirements_lock` and `sbom`: None for a file that is not there, else a dict for `json.dumps`, with `error`
        alone for a file that is not of its form.
    """
    return {"requirements_lock": _described(path / LOCK, _lock), "sbom": _described(path / SBOM, _bill)}


def _described(path: Path, describe: Callable[[str], dict[str, Any]]) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return describe(path.read_bytes().decode())
    # UnicodeDecodeError and JSONDecodeError are ValueErrors; the others come of JSON of any other shape.
    except (BentoMLConfigException, ValueError, TypeError, KeyError, RecursionError) as error:
        return {"error": f"{path.name} is not of its form: {error}"}


def _lock(text: str) -> dict[str, Any]:
    lock = read_lock(text)
    return {
        "hashes": lock.has_hashes,
        "distributions": len(lock.pins) + 1,
        "made_for": lock.made_for,
        "missing": list(lock.missing),
    }


def _bill(text: str) -> dict[str, Any]:
    document = json.loads(text)
    return {
        "format": f"{document['bomFormat']} {document['specVersion']}",
        "components": len(document["components"]),
        "complete": all(one["aggregate"] == "complete" for one in document["compositions"]),
    }
