"""Whether the files of a registered bundle are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import BundleIntegrityException

if TYPE_CHECKING:
    from pathlib import Path

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
