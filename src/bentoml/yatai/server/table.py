"""All that the server can be asked."""

from __future__ import annotations

from bentoml.yatai.server import bundles, operations, people

ROUTES = (*operations.ROUTES, *people.ROUTES, *bundles.ROUTES)
