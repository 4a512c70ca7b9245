"""What the parent looks at before it starts workers on a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.saved_bundle.pickles import refuse_pickles
from bentoml.saved_bundle.signing import checked_manifest
from bentoml.server.options.sagemaker import invoked_api

if TYPE_CHECKING:
    from bentoml.server.options.serve_options import ServeOptions


def check_bundle(options: ServeOptions) -> None:
    """Look at the signature where one is required, compare the files with their digests, and refuse pickles.

    The last two only where the options say so. Where SageMaker is answered, an API has to do that.

    Raises:
        BentoMLException: the bundle is not to be served.
    """
    manifest = checked_manifest(options.bundle_path, verify=options.verify)
    if not options.allow_pickle:
        refuse_pickles(manifest)
    invoked_api(manifest.metadata, options)
