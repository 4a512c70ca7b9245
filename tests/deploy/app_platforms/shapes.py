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
