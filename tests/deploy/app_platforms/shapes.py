"""Which keys the files of a platform may have, and of which kind their values are; written by hand from its reference.

A platform that meets a key it does not know refuses the file or, worse, goes on without it.
"""

from __future__ import annotations

from typing import Any

TEXTS = "a mapping of texts to texts"
_PROBE = {
    "httpGet": {"path": str, "port": int},
    "periodSeconds": int,
    "timeoutSeconds": int,
    "failureThreshold": int,
    "initialDelaySeconds": int,
}
_SECRET_KEY = {"secretKeyRef": {"name": str, "key": str}}

CLOUD_RUN: dict[str, Any] = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"name": str, "labels": TEXTS, "annotations": TEXTS},
    "spec": {
        "template": {
            "metadata": {"annotations": TEXTS},
            "spec": {
                "containerConcurrency": int,
                "timeoutSeconds": int,
                "serviceAccountName": str,
                "nodeSelector": TEXTS,
                "containers": [
                    {
                        "image": str,
                        "ports": [{"name": str, "containerPort": int}],
                        "env": [{"name": str, "value": str, "valueFrom": _SECRET_KEY}],
                        "resources": {"limits": TEXTS},
                        "startupProbe": _PROBE,
                        "livenessProbe": _PROBE,
                    }
                ],
            },
        }
    },
}
"""https://cloud.google.com/run/docs/reference/yaml/v1"""


HEROKU: dict[str, Any] = {"build": {"docker": {"web": str}}}
"""https://devcenter.heroku.com/articles/build-docker-images-heroku-yml"""

FLY: dict[str, Any] = {
    "app": str,
    "primary_region": str,
    "kill_signal": str,
    "kill_timeout": int,
    "build": {"image": str},
    "env": TEXTS,
    "http_service": {
        "internal_port": int,
        "force_https": bool,
        "auto_stop_machines": str,
        "auto_start_machines": bool,
        "min_machines_running": int,
        "concurrency": {"type": str, "soft_limit": int, "hard_limit": int},
        "checks": [{"method": str, "path": str, "grace_period": str, "interval": str, "timeout": str}],
    },
    "vm": [{"size": str, "memory": str}],
}
"""https://fly.io/docs/reference/configuration/"""

RENDER: dict[str, Any] = {
    "services": [
        {
            "type": str,
            "name": str,
            "runtime": str,
            "image": {"url": str},
            "plan": str,
            "region": str,
            "numInstances": int,
            "healthCheckPath": str,
            "maxShutdownDelaySeconds": int,
            "envVars": [{"key": str, "value": str, "sync": bool}],
        }
    ]
}
"""https://render.com/docs/blueprint-spec"""

_HEALTH = {
    "http_path": str,
    "initial_delay_seconds": int,
    "period_seconds": int,
    "timeout_seconds": int,
    "failure_threshold": int,
}
DIGITAL_OCEAN: dict[str, Any] = {
    "name": str,
    "region": str,
    "services": [
        {
            "name": str,
            "image": {"registry_type": str, "registry": str, "repository": str, "tag": str, "digest": str},
            "http_port": int,
            "instance_size_slug": str,
            "instance_count": int,
            "health_check": _HEALTH,
            "liveness_health_check": _HEALTH,
            "termination": {"drain_seconds": int, "grace_period_seconds": int},
            "envs": [{"key": str, "value": str, "scope": str}],
        }
    ],
}
"""The part of `app-create-schema.json` in the npm package @digitalocean/mcp 1.0.70 that a file may use."""

CLOUD_FOUNDRY: dict[str, Any] = {
    "applications": [
        {
            "name": str,
            "docker": {"image": str},
            "memory": str,
            "instances": int,
            "timeout": int,
            "health-check-type": str,
            "health-check-http-endpoint": str,
            "readiness-health-check-type": str,
            "readiness-health-check-http-endpoint": str,
            "env": TEXTS,
        }
    ]
}
"""https://docs.cloudfoundry.org/devguide/deploy-apps/manifest-attributes.html"""


def problems(found: Any, shape: Any, where: str = "") -> list[str]:
    """What of a document has another shape, with its place."""
    if isinstance(shape, dict):
        if not isinstance(found, dict):
            return [f"{where}: no mapping"]
        unknown = [f"{where}.{key}: unknown" for key in found if key not in shape]
        return unknown + [
            text for key in found if key in shape for text in problems(found[key], shape[key], f"{where}.{key}")
        ]
    if isinstance(shape, list):
        if not isinstance(found, list):
            return [f"{where}: no list"]
        return [text for number, each in enumerate(found) for text in problems(each, shape[0], f"{where}[{number}]")]
    if shape == TEXTS:
        kinds = isinstance(found, dict) and {type(each) for pair in found.items() for each in pair} <= {str}
        return [] if kinds else [f"{where}: not {TEXTS}"]
    return [] if type(found) is shape else [f"{where}: {found!r} is no {shape.__name__}"]
