"""The file of an app on DigitalOcean App Platform.

Source: https://docs.digitalocean.com/products/app-platform/reference/app-spec/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.app_platforms.wish import set_only
from bentoml.deploy.plans.yaml_text import yaml_text
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from bentoml.deploy.app_platforms.wish import Wish

FILE = ".do/app.yaml"
PORT = 8080
DRAIN_S = 15
_OWN_REGISTRY = "registry.digitalocean.com"
_REGISTRIES = {"docker.io": "DOCKER_HUB", "ghcr.io": "GHCR"}
_WITH_HOST, _WITH_OWNER = 3, 2


def files(wish: Wish) -> dict[str, str]:
    """For `doctl apps create --spec`.

    Raises:
        InvalidArgument: App Platform cannot pull from the registry of the image.
    """
    options = wish.options
    service: dict[str, Any] = {
        "name": "server",
        "image": _image(wish.app.image),
        "http_port": PORT,
        **set_only({"instance_size_slug": options.size, "instance_count": options.instances}),
        "health_check": {**_check("/readyz"), "failure_threshold": 30},
        "liveness_health_check": {**_check("/livez"), "failure_threshold": 3},
        "termination": {"drain_seconds": DRAIN_S, "grace_period_seconds": wish.kill_after_s},
        "envs": [{"key": key, "value": value, "scope": "RUN_TIME"} for key, value in wish.variables.items()],
    }
    document = {"name": wish.app.name, **set_only({"region": options.region}), "services": [service]}
    return {FILE: wish.head(f"doctl apps create --spec {FILE}") + yaml_text(document)}


def _check(path: str) -> dict[str, Any]:
    return {"http_path": path, "initial_delay_seconds": 10, "period_seconds": 10, "timeout_seconds": 5}


def _image(image: str) -> dict[str, str]:
    """The parts of the name of an image."""
    repository, at, digest = image.partition("@")
    *before, last = repository.split("/")
    name, _, tag = last.partition(":")
    parts = [*before, name]
    which = {"digest": digest} if at else {"tag": tag}
    if parts[0] == _OWN_REGISTRY and len(parts) >= _WITH_HOST:
        return {"registry_type": "DOCR", "repository": "/".join(parts[2:]), **which}
    if len(parts) == _WITH_OWNER and "." not in parts[0] and ":" not in parts[0]:
        parts = ["docker.io", *parts]
    if len(parts) == _WITH_HOST and parts[0] in _REGISTRIES:
        return {"registry_type": _REGISTRIES[parts[0]], "registry": parts[1], "repository": parts[2], **which}
    raise InvalidArgument(
        f"App Platform cannot pull {image}: use {_OWN_REGISTRY}/REGISTRY/NAME, ghcr.io/OWNER/NAME or "
        "docker.io/OWNER/NAME"
    )
