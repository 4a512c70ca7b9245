"""What all ARM templates here share: their frame, and the identity that reads images without a password.

Templates are the same for all deployments; what differs stands in their parameters, whose values Azure never takes
for expressions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SCHEMAS = "https://schema.management.azure.com/schemas"
IDENTITY_NAME = "identity"
IDENTITY = f"[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', '{IDENTITY_NAME}')]"
CLIENT_ID = f"[reference({IDENTITY[1:-1]}, '2023-01-31').clientId]"
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
_ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"


def template_text(
    parameters: Mapping[str, str], resources: Sequence[Mapping[str, Any]], variables: Mapping[str, Any] | None = None
) -> str:
    """A template.

    Args:
        parameters: their types by name.
        resources: in the order in which they are shown.
        variables: by name; None for none.
    """
    document: dict[str, Any] = {
        "$schema": f"{_SCHEMAS}/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"type": kind} for name, kind in parameters.items()},
    }
    if variables:
        document["variables"] = variables
    return json.dumps({**document, "resources": resources}, indent=2) + "\n"


def parameters_text(values: Mapping[str, Any]) -> str:
    """The file with the values of parameters."""
    document = {
        "$schema": f"{_SCHEMAS}/2019-04-01/deploymentParameters.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"value": value} for name, value in values.items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def registry_template() -> str:
    """A registry of images, and an identity that may read them."""
    registry = "Microsoft.ContainerRegistry/registries"
    identity = {
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
        "apiVersion": "2023-01-31",
        "name": IDENTITY_NAME,
        "location": "[parameters('location')]",
    }
    images = {
        "type": registry,
        "apiVersion": "2023-07-01",
        "name": "[parameters('registry')]",
        "location": "[parameters('location')]",
        "sku": {"name": "Basic"},
        "properties": {"adminUserEnabled": False},
    }
    pull = role_assignment(f"resourceId('{registry}', parameters('registry'))", _ACR_PULL, also_after=[IDENTITY])
    return template_text({"location": "string", "registry": "string"}, [identity, images, pull])


def role_assignment(scope: str, role: str, *, also_after: Sequence[str] = ()) -> dict[str, Any]:
    """Lets the identity do something with a resource of the same template.

    Args:
        scope: the resource, as an expression without brackets.
        role: id of the role.
        also_after: what else of the template has to be there first.
    """
    identity = IDENTITY[1:-1]
    return {
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "name": f"[guid({scope}, {identity}, '{role}')]",
        "scope": f"[{scope}]",
        "dependsOn": [f"[{scope}]", *also_after],
        "properties": {
            "roleDefinitionId": f"[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{role}')]",
            "principalId": f"[reference({identity}, '2023-01-31').principalId]",
            "principalType": "ServicePrincipal",
        },
    }


def variables_of(env: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """Environment variables as a parameter of the type `secureObject`, which Azure keeps out of its histories."""
    return {"list": [{"name": name, "value": value} for name, value in env.items()]}
