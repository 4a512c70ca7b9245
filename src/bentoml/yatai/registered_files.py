"""Whether the files of a registered bundle are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import BundleIntegrityException

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.yatai.bundle_tree import BundleTree
    from bentoml.yatai.models import Bento


def refuse_other_bundle(bento: Bento, path: Path) -> None:
    """Refuse files that belong to another tag: an older version with a flaw, say, in the place of a new one.

    Nothing else would notice: such files are whole, and may be signed.

    Args:
        bento: the record.
        path: directory of its files.

    Raises:
        BentoMLConfigException: there is no bundle.
        BundleIntegrityException: it is another one.
    """
    from bentoml.saved_bundle.manifest import read_manifest

    manifest = read_manifest(path)
    if (manifest.service_name, manifest.service_version) != (bento.name, bento.version):
        raise BundleIntegrityException(
            f"{path} should hold {bento.tag}, but holds {manifest.service_name}:{manifest.service_version}; restore "
            f"it, or remove the record with: bentoml delete {bento.tag}"
        )


def refuse_damaged(bento: Bento, part: BundleTree, directory: Path) -> None:
    """Refuse files that are not those that were registered.

    Args:
        bento: the record.
        part: what they should be.
        directory: where they are.

    Raises:
        BundleIntegrityException: one has another content; the text names it.
    """
    from bentoml.saved_bundle.verified_files import file_digest

    for entry in part:
        if file_digest(directory / entry.path) != entry.sha256:
            raise BundleIntegrityException(
                f"{entry.path} of {bento.tag} is not the file that was registered. Restore it where the bundle comes "
                "from; `bentoml yatai check --deep` there finds all that are damaged"
            )
