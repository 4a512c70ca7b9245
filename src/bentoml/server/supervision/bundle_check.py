"""What the parent looks at before it starts workers on a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.saved_bundle.integrity import verify_bundle
from bentoml.saved_bundle.manifest import read_manifest
from bentoml.saved_bundle.pickles import refuse_pickles

if TYPE_CHECKING:
    from bentoml.server.options.serve_options import ServeOptions


def check_bundle(options: ServeOptions) -> None:
    """Compare the files with their digests, and refuse pickles, each unless the options say otherwise.

    Raises:
        BentoMLException: the bundle is not to be served.
    """
    manifest = verify_bundle(options.bundle_path) if options.verify else read_manifest(options.bundle_path)
    if not options.allow_pickle:
        refuse_pickles(manifest)
