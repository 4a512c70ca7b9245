"""The file of an app on Cloud Foundry.

Source: https://docs.cloudfoundry.org/devguide/deploy-apps/manifest-attributes.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.plans.yaml_text import yaml_text

if TYPE_CHECKING:
    from bentoml.deploy.app_platforms.wish import Wish

START_LIMIT_S = 180
"""The longest time to start that most installations give an app."""


def files(wish: Wish) -> dict[str, str]:
    """For `cf push`."""
    options = wish.options
    app: dict[str, Any] = {
        "name": wish.app.name,
        "docker": {"image": wish.app.image},
        "memory": f"{options.memory_mib or 1024}M",
        "instances": 1 if options.instances is None else options.instances,
        "timeout": START_LIMIT_S,
        "health-check-type": "http",
        "health-check-http-endpoint": "/livez",
        "readiness-health-check-type": "http",
        "readiness-health-check-http-endpoint": "/readyz",
        "env": {**wish.variables, **{name: f"(({name}))" for name in options.secrets}},
    }
    command = "cf push --vars-file secrets.yml" if options.secrets else "cf push"
    return {"manifest.yml": wish.head(command) + yaml_text({"applications": [app]})}
