"""What our own answers forbid browsers to do with them. `X-Content-Type-Options` stands in every answer of the server.

The user's web pages get none of this: what they may do is up to their author, who can say so in the page itself.
"""

from __future__ import annotations

# Nothing from elsewhere, nothing inline. Swagger UI draws its icons from data URLs, and shows images and sounds that an
# API answers with from blobs.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
PAGE_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# Of texts, JSON and files: opened by themselves they are shown and nothing else, and stand in nobody's frame. Pages of
# other origins do not get them into their processes but by a CORS request.
DATA_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
# For answers that are true only at the moment they are given.
NOT_KEPT = {**DATA_HEADERS, "cache-control": "no-store"}
