"""A reverse proxy that shows a server below a path prefix, as an ingress does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx

from tests.plain_http import NO_TLS

_HOP_BY_HOP = {"connection", "content-length", "date", "keep-alive", "transfer-encoding"}


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    prefix: str
    client: httpx.Client


class _Handler(BaseHTTPRequestHandler):
    server: _Proxy
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        if not self.path.startswith(f"{self.server.prefix}/"):
            self.send_error(404, "not below the prefix")
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP | {"host"}}
        request = self.server.client.build_request(
            self.command,
            self.path.removeprefix(self.server.prefix),
            headers=headers,
            content=self.rfile.read(int(self.headers.get("content-length", "0"))),
        )
        answer = self.server.client.send(request, stream=True)
        body = b"".join(answer.iter_raw())
        self.send_response(answer.status_code)
        for name, value in answer.headers.multi_items():
            if name not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _pass_on  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
        """Keep the output of the tests clean."""


@contextmanager
def prefix_proxy(url: str, prefix: str) -> Iterator[str]:
    """Address of the proxy with the prefix, such as `http://127.0.0.1:1234/models/iris`.

    Args:
        url: of the server.
        prefix: with a leading slash and none behind.
    """
    with (
        _Proxy(("127.0.0.1", 0), _Handler) as proxy,
        httpx.Client(base_url=url, trust_env=False, verify=NO_TLS) as client,
    ):
        proxy.prefix, proxy.client = prefix, client
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_address[1]}{prefix}"
        finally:
            proxy.shutdown()
            thread.join()
