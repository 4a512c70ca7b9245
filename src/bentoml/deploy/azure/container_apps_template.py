"""The ARM template of a container app and its environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.azure.templates import IDENTITY, parameters_text, template_text, variables_of

if TYPE_CHECKING:
    from bentoml.deploy.azure.names import Names
    from bentoml.deploy.azure.options import ContainerAppsOptions

PORT = 5000
API = "2024-03-01"
_ENVIRONMENT = "[resourceId('Microsoft.App/managedEnvironments', 'environment')]"
_GRACE_S = 75  # that of the server, and what it takes until nobody sends it requests any more
_PARAMETERS = {
    "location": "string",
    "app": "string",
    "registry": "string",
    "image": "string",
    "cpu": "string",
    "memory": "string",
    "minReplicas": "int",
    "maxReplicas": "int",
    "concurrency": "string",
    "external": "bool",
    "environment": "secureObject",
}


def container_apps_template() -> str:
    """An environment, which costs nothing by itself, and the app."""
    environment = {
        "type": "Microsoft.App/managedEnvironments",
        "apiVersion": API,
        "name": "environment",
        "location": "[parameters('location')]",
        "properties": {"workloadProfiles": [{"name": "Consumption", "workloadProfileType": "Consumption"}]},
    }
    return template_text(_PARAMETERS, [environment, _app()])


def container_apps_parameters(options: ContainerAppsOptions, names: Names, server: str, image: str) -> str:
    """The values for it.

    Args:
        options: what the user asks for.
        names: of the deployment.
        server: host of the registry.
        image: whole name of the image.
    """
    workers = {} if options.workers is None else {"BENTOML__BENTO_SERVER__WORKERS": str(options.workers)}
    return parameters_text(
        {
            "location": options.location,
            "app": names.container_app,
            "registry": server,
            "image": image,
            "cpu": f"{options.cores.normalize():f}",
            "memory": options.memory,
            "minReplicas": options.min_replicas,
            "maxReplicas": options.max_replicas,
            "concurrency": str(options.concurrency),
            "external": not options.internal,
            "environment": variables_of({**workers, **options.env}),
        }
    )


def _app() -> dict[str, Any]:
    return {
        "type": "Microsoft.App/containerApps",
        "apiVersion": API,
        "name": "[parameters('app')]",
        "location": "[parameters('location')]",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "dependsOn": [_ENVIRONMENT],
        "properties": {
            "environmentId": _ENVIRONMENT,
            "workloadProfileName": "Consumption",
            "configuration": {
                "activeRevisionsMode": "Single",
                "registries": [{"server": "[parameters('registry')]", "identity": IDENTITY}],
                "ingress": {
                    "external": "[parameters('external')]",
                    "targetPort": PORT,
                    "transport": "auto",
                    "allowInsecure": False,
                    "traffic": [{"latestRevision": True, "weight": 100}],
                },
            },
            "template": {
                "terminationGracePeriodSeconds": _GRACE_S,
                "containers": [_container()],
                "scale": {
                    "minReplicas": "[parameters('minReplicas')]",
                    "maxReplicas": "[parameters('maxReplicas')]",
                    "rules": [
                        {
                            "name": "requests",
                            "http": {"metadata": {"concurrentRequests": "[parameters('concurrency')]"}},
                        }
                    ],
                },
            },
        },
    }


def _container() -> dict[str, Any]:
    return {
        "name": "server",
        "image": "[parameters('image')]",
        "resources": {"cpu": "[json(parameters('cpu'))]", "memory": "[parameters('memory')]"},
        "env": f"[concat(createArray(createObject('name', 'BENTOML_PORT', 'value', '{PORT}')), "
        "parameters('environment').list)]",
        "probes": [
            _probe("Startup", "/readyz", every_s=30, failures=10),
            _probe("Readiness", "/readyz", every_s=5, failures=3),
            _probe("Liveness", "/livez", every_s=10, failures=3),
        ],
    }


def _probe(kind: str, path: str, *, every_s: int, failures: int) -> dict[str, Any]:
    """Azure takes at most 10 failures."""
    return {
        "type": kind,
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": every_s,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
