"""The ARM template of a function app that runs a container in a Premium plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.deploy.azure.functions_site import PORT
from bentoml.deploy.azure.templates import (
    BLOB_OWNER,
    CLIENT_ID,
    IDENTITY,
    parameters_text,
    role_assignment,
    template_text,
    variables_of,
)

if TYPE_CHECKING:
    from bentoml.deploy.azure.names import Names
    from bentoml.deploy.azure.options import FunctionsOptions

WEB_API = "2023-12-01"
_STORAGE = "resourceId('Microsoft.Storage/storageAccounts', parameters('storage'))"
_PLAN = "[resourceId('Microsoft.Web/serverfarms', 'plan')]"
_PARAMETERS = {
    "location": "string",
    "storage": "string",
    "site": "string",
    "image": "string",
    "sku": "string",
    "minInstances": "int",
    "maxBurst": "int",
    "environment": "secureObject",
}
# Azure kills a container that does not answer in time; this is the longest that it grants.
_START_LIMIT_S = 1800


def functions_template() -> str:
    """Storage that the Functions host needs, a plan, and the app."""
    return template_text(_PARAMETERS, [_storage(), role_assignment(_STORAGE, BLOB_OWNER), _plan(), _site()])


def functions_parameters(options: FunctionsOptions, names: Names, image: str) -> str:
    """The values for it."""
    workers = {} if options.workers is None else {"BENTOML__BENTO_SERVER__WORKERS": str(options.workers)}
    return parameters_text(
        {
            "location": options.location,
            "storage": names.storage,
            "site": names.site,
            "image": image,
            "sku": options.premium_plan_sku,
            "minInstances": options.min_instances,
            "maxBurst": options.max_burst,
            "environment": variables_of({**workers, **options.env}),
        }
    )


def _storage() -> dict[str, Any]:
    return {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2023-01-01",
        "name": "[parameters('storage')]",
        "location": "[parameters('location')]",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {
            "supportsHttpsTrafficOnly": True,
            "minimumTlsVersion": "TLS1_2",
            "allowBlobPublicAccess": False,
            "allowSharedKeyAccess": False,
        },
    }


def _plan() -> dict[str, Any]:
    return {
        "type": "Microsoft.Web/serverfarms",
        "apiVersion": WEB_API,
        "name": "plan",
        "location": "[parameters('location')]",
        "kind": "elastic",
        "sku": {
            "name": "[parameters('sku')]",
            "tier": "ElasticPremium",
            "family": "EP",
            "capacity": "[parameters('minInstances')]",
        },
        "properties": {"reserved": True, "maximumElasticWorkerCount": "[parameters('maxBurst')]"},
    }


def _site() -> dict[str, Any]:
    """The role comes before the app, which reads its keys from the storage when it starts."""
    role = role_assignment(_STORAGE, BLOB_OWNER)
    return {
        "type": "Microsoft.Web/sites",
        "apiVersion": WEB_API,
        "name": "[parameters('site')]",
        "location": "[parameters('location')]",
        "kind": "functionapp,linux,container",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "dependsOn": [
            _PLAN,
            f"[extensionResourceId({_STORAGE}, 'Microsoft.Authorization/roleAssignments', {role['name'][1:-1]})]",
        ],
        "properties": {
            "serverFarmId": _PLAN,
            "reserved": True,
            "httpsOnly": True,
            "siteConfig": {
                "linuxFxVersion": "[concat('DOCKER|', parameters('image'))]",
                "acrUseManagedIdentityCreds": True,
                "acrUserManagedIdentityID": CLIENT_ID,
                "minimumElasticInstanceCount": "[parameters('minInstances')]",
                "functionAppScaleLimit": "[parameters('maxBurst')]",
                "healthCheckPath": "/readyz",
                "minTlsVersion": "1.2",
                "ftpsState": "Disabled",
                "cors": {"allowedOrigins": ["*"]},
                "appSettings": f"[concat({_settings()}, parameters('environment').list)]",
            },
        },
    }


def _settings() -> str:
    """The settings of the app as an expression; each is a variable of the container, too."""
    settings = {
        "AzureWebJobsStorage__accountName": "parameters('storage')",
        "AzureWebJobsStorage__credential": "'managedidentity'",
        "AzureWebJobsStorage__clientId": CLIENT_ID[1:-1],
        "AzureWebJobsDisableHomepage": "'true'",
        "FUNCTIONS_EXTENSION_VERSION": "'~4'",
        "FUNCTIONS_WORKER_RUNTIME": "'custom'",
        "WEBSITES_PORT": f"'{PORT}'",
        "WEBSITES_ENABLE_APP_SERVICE_STORAGE": "'false'",
        "WEBSITES_CONTAINER_START_TIME_LIMIT": f"'{_START_LIMIT_S}'",
    }
    objects = [f"createObject('name', '{name}', 'value', {value})" for name, value in settings.items()]
    return f"createArray({', '.join(objects)})"
