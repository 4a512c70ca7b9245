"""What az says about a deployment, as a state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.deploy.azure.az import is_missing, owner_of_group, said
from bentoml.exceptions import YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentPhase, DeploymentState

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.deploy.azure.az import Place

_ENDED = frozenset({"Failed", "Canceled"})


@dataclass(frozen=True)
class App:
    """What serves requests, as Azure names it.

    Attributes:
        kind: type of the resource.
        api: version of the interface that is asked.
        name: of the resource.
    """

    kind: str
    api: str
    name: str


def observe(place: Place, app: App, read: Callable[[dict[str, Any]], DeploymentState]) -> DeploymentState:
    """How a deployment does.

    Args:
        place: where it is.
        app: what to look at.
        read: makes a state of its properties.

    Raises:
        BentoMLException: az is not installed.
    """
    try:
        owner = owner_of_group(place)
        if owner != place.owner:
            what = "there is no resource group" if owner is None else "somebody else has the resource group"
            return DeploymentState(DeploymentPhase.INACTIVATED, f"{what} {place.group}")
        group = f"--resource-group={place.group}"
        made = _properties(place, "deployment", "group", "show", group, "--name=app")
        kind = (f"--resource-type={app.kind}", f"--api-version={app.api}")
        found = _properties(place, "resource", "show", group, f"--name={app.name}", *kind)
    except YataiDeploymentException as error:
        return DeploymentState(DeploymentPhase.UNKNOWN, str(error))
    if made is not None and made.get("provisioningState") in _ENDED:
        return DeploymentState(DeploymentPhase.FAILED, _reason(made))
    if found is None:
        return DeploymentState(DeploymentPhase.INACTIVATED, f"the resource group {place.group} has no app {app.name}")
    return read(found)


def function_app_state(properties: dict[str, Any]) -> DeploymentState:
    """The state of a function app.

    Azure calls an app running that it lets run, whether its container has started or not.
    """
    state = str(properties.get("state"))
    phase = DeploymentPhase.RUNNING if state == "Running" else DeploymentPhase.INACTIVATED
    host = properties.get("defaultHostName")
    info = {"message": f"the app is {state}", "default_host_name": host, "endpoints": [f"https://{host}"]}
    return DeploymentState(phase, info=info)


def container_app_state(properties: dict[str, Any]) -> DeploymentState:
    """The state of a container app: whether its newest revision answers."""
    newest, ready = properties.get("latestRevisionName"), properties.get("latestReadyRevisionName")
    host = ((properties.get("configuration") or {}).get("ingress") or {}).get("fqdn")
    info = {
        "message": f"the newest revision is {newest}, the one that answers {ready or 'none'}",
        "endpoints": [] if host is None else [f"https://{host}"],
    }
    provisioning = str(properties.get("provisioningState"))
    if provisioning in _ENDED:
        return DeploymentState(DeploymentPhase.FAILED, f"Azure says of the app: {provisioning}", info)
    if str(properties.get("runningStatus", "Running")) not in {"Running", "Progressing", "Ready"}:
        return DeploymentState(DeploymentPhase.INACTIVATED, f"the app is {properties['runningStatus']}", info)
    answers = provisioning == "Succeeded" and newest is not None and newest == ready
    return DeploymentState(DeploymentPhase.RUNNING if answers else DeploymentPhase.PENDING, info=info)


def _properties(place: Place, *words: str) -> dict[str, Any] | None:
    """The properties of what az shows; None where there is no such thing.

    Raises:
        YataiDeploymentException: az cannot tell.
    """
    done = place.ask(*words)
    if is_missing(done):
        return None
    if done.returncode != 0:
        raise YataiDeploymentException(f"az: {said(done)}")
    found: dict[str, Any] = json.loads(done.stdout)["properties"]
    return found


def _reason(properties: dict[str, Any]) -> str:
    """What a failed deployment says, with the texts of the errors within."""
    texts, errors = [], [properties.get("error") or {}]
    while errors:
        error = errors.pop()
        texts.append(f"{error.get('code')}: {error.get('message')}")
        errors += error.get("details") or []
    return "; ".join(texts)[:2000]
