"""All that the server can be asked."""

from __future__ import annotations

from bentoml.yatai.server import (
    bundles,
    changes,
    classic,
    classic_changes,
    classic_deployments,
    deployments,
    files,
    operations,
    people,
    upload_routes,
)

# The most exact paths first: the path of a file takes slashes.
ROUTES = (
    *operations.ROUTES,
    *people.ROUTES,
    *files.ROUTES,
    *changes.ROUTES,
    *bundles.ROUTES,
    *upload_routes.ROUTES,
    *deployments.ROUTES,
    *classic.ROUTES,
    *classic_changes.ROUTES,
    *classic_deployments.ROUTES,
)
