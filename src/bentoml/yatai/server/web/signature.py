"""What is known about the signature of a bundle, in words."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle import layout
from bentoml.saved_bundle.integrity import first_difference
from bentoml.saved_bundle.signing import signing_key, trusted_keys

if TYPE_CHECKING:
    from bentoml.yatai.server.web.files_of_bundle import BundleFiles

logger = logging.getLogger(__name__)


def signature_text(files: BundleFiles) -> str:
    """Who has signed a bundle, by the keys of `bundles.trusted_keys`, and whether these are the files that were signed.

    Contents are not read for it: their digests were computed when they came.
    """
    signature, sums = files.find(layout.SIGNATURE), files.find(layout.DIGESTS)
    if signature is None or sums is None:
        return "none"
    try:
        keys = trusted_keys()
        if not keys:
            return "signed, not checked: no key is trusted here (bundles.trusted_keys)"
        key = signing_key(sums, signature, keys)
        changed = first_difference({entry.path: entry.sha256 for entry in files.tree}, sums)
    except BentoMLException as error:
        logger.warning("The signature of %s cannot be checked: %s", files.bento.tag, error)
        return "signed, but it cannot be checked; the log of the server says why"
    if key is None:
        return "not valid: made with none of the trusted keys"
    return f"not valid: {changed} since it was signed with {key.name}" if changed else f"valid, signed with {key.name}"
