"""Copying a bundle to where it is wanted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bentoml._util.files import staged_directory
from bentoml._util.full_disk import full_disk_is_said
from bentoml.exceptions import BentoMLException, BundleIntegrityException
from bentoml.saved_bundle.remote import borrowed_bundle
from bentoml.saved_bundle.signing import checked_manifest


def safe_retrieve(path: str | os.PathLike[str], target_dir: str | os.PathLike[str]) -> Path:
    """Copy a bundle into a directory, whole or not at all, and check the copy.

    Args:
        path: directory or address of the bundle.
        target_dir: directory to make; an empty one may exist.

    Returns:
        The directory.

    Raises:
        BentoMLException: there is no bundle, or the target exists and is not empty.
        BundleIntegrityException: a file is not the one that was saved.
    """
    target = Path(target_dir)
    with borrowed_bundle(path) as bundle:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _refuse_linked_directories(bundle.path)
            with full_disk_is_said(target.parent, "give another directory"), staged_directory(target) as staging:
                shutil.copytree(bundle.path, staging, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
                checked_manifest(staging, verify=True)
        except FileExistsError as error:
            raise BentoMLException(f"{target} exists and is not empty; give another directory") from error
    return target


def _refuse_linked_directories(source: Path) -> None:
    """A copy would hold all that such a link leads to."""
    for parent, names, _ in os.walk(source):
        for name in names:
            path = Path(parent, name)
            if path.is_symlink():
                raise BundleIntegrityException(
                    f"{path} is a link to another directory, and no part of the bundle; remove it"
                )
