"""What clients of `http://` addresses are made with: to read the certificates takes each of them 20 ms."""

from __future__ import annotations

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""It trusts nobody, as there is nobody to be trusted."""
