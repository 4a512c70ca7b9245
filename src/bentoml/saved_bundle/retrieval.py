"""Copying a bundle to where it is wanted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bentoml._util.files import staged_directory
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.integrity import verify_bundle
from bentoml.saved_bundle.remote import refuse_remote


def safe_retrieve(path: str | os.PathLike[str], target_dir: str | os.PathLike[str]) -> Path:
    """Copy a bundle into a directory, whole or not at all, and check the copy.

    Args:
        path: directory of the bundle.
        target_dir: directory to make; an empty one may exist.

    Returns:
        The directory.

    Raises:
        BentoMLException: there is no bundle, or the target exists and is not empty.
        BundleIntegrityException: a file is not the one that was saved.
    """
    refuse_remote(os.fspath(path), "copied from")
    source, target = Path(path), Path(target_dir)
    if not source.is_dir():
        raise BentoMLException(f"BentoService bundle directory '{source}' not found")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with staged_directory(target) as staging:
            shutil.copytree(source, staging, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            verify_bundle(staging)
    except FileExistsError as error:
        raise BentoMLException(f"{target} exists and is not empty; give another directory") from error
    return target
