"""The file of an app on Render.

Source: https://render.com/docs/blueprint-spec
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.app_platforms.wish import set_only
from bentoml.deploy.plans.yaml_text import yaml_text

if TYPE_CHECKING:
    from bentoml.deploy.app_platforms.wish import Wish


def files(wish: Wish) -> dict[str, str]:
    """For a repository from which Render makes a Blueprint."""
    options = wish.options
    service: dict[str, Any] = {
        "type": "web",
        "name": wish.app.name,
        "runtime": "image",
        "image": {"url": wish.app.image},
        **set_only({"plan": options.size, "region": options.region, "numInstances": options.instances}),
        "healthCheckPath": "/readyz",
        "maxShutdownDelaySeconds": wish.kill_after_s,
        "envVars": [
            *({"key": key, "value": value} for key, value in wish.variables.items()),
            *({"key": name, "sync": False} for name in options.secrets),
        ],
    }
    head = wish.head("make a Blueprint of the repository with this file")
    return {"render.yaml": head + yaml_text({"services": [service]})}
