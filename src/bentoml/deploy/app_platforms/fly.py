"""The file of an app on Fly.

Source: https://fly.io/docs/reference/configuration/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.app_platforms.toml_text import toml_text
from bentoml.deploy.app_platforms.wish import set_only

if TYPE_CHECKING:
    from bentoml.deploy.app_platforms.wish import Wish

PORT = 5000
"""Fly sets no `PORT`; it is where the image listens by itself."""


def files(wish: Wish) -> dict[str, str]:
    """For `fly deploy`."""
    document = {
        "app": wish.app.name,
        **set_only({"primary_region": wish.options.region}),
        "kill_signal": "SIGTERM",
        "kill_timeout": wish.kill_after_s,
        "build": {"image": wish.app.image},
        "env": dict(wish.variables),
        "http_service": _http_service(wish),
        "vm": [_machine(wish)],
    }
    return {"fly.toml": wish.head("fly deploy") + toml_text(document)}


def _http_service(wish: Wish) -> dict[str, Any]:
    instances = wish.options.instances
    return {
        "internal_port": PORT,
        "force_https": True,
        "auto_stop_machines": "stop",
        "auto_start_machines": True,
        "min_machines_running": 1 if instances is None else instances,
        "concurrency": {"type": "requests", "soft_limit": wish.at_once, "hard_limit": 2 * wish.at_once},
        "checks": [
            {"method": "GET", "path": "/readyz", "grace_period": "30s", "interval": "15s", "timeout": "5s"},
        ],
    }


def _machine(wish: Wish) -> dict[str, Any]:
    size, memory_mib = wish.options.size, wish.options.memory_mib
    return {"size": size or "shared-cpu-1x", "memory": f"{memory_mib or 1024}mb"}
