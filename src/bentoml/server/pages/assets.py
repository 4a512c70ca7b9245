"""The packaged files behind `/static_content/`: Swagger UI and what our own pages need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._http.security_headers import DATA_HEADERS
from bentoml.server.pages.documents import Document

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

STATIC_DIR = Path(__file__).with_name("static")
# An address with the content's digest never gets other content.
_FOREVER = "public, max-age=31536000, immutable"
_CONTENT_TYPES = {
    "calls.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "swagger-ui/swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui/swagger-ui-bundle.js.LICENSE.txt": "text/plain; charset=utf-8",
    "swagger-ui/LICENSE": "text/plain; charset=utf-8",
    "swagger-ui/NOTICE": "text/plain; charset=utf-8",
}


class Assets:
    """The files, read once."""

    def __init__(self) -> None:
        self._documents = {
            name: Document((STATIC_DIR / name).read_bytes(), content_type, headers=DATA_HEADERS)
            for name, content_type in _CONTENT_TYPES.items()
        }

    def url(self, name: str) -> str:
        """Address of a file relative to a page at `/`; it changes with the content."""
        return f"static_content/{name}?v={self._documents[name].digest}"

    async def respond(self, name: str, request: Request) -> Response | None:
        """Answer a request for a file; None when there is none of that name."""
        document = self._documents.get(name)
        if document is None:
            return None
        is_exact = request.query_params.get("v") == document.digest
        return await document.respond(request, cache_control=_FOREVER if is_exact else None)
