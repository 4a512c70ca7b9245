"""Deployments out of documents: JSON in camelCase, or a YAML file in snake_case."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import InvalidArgument
from bentoml.service.metadata import parse_timestamp
from bentoml.yatai.deployment_forms import config_key, config_name, read_config
from bentoml.yatai.deployment_models import (
    DeploymentPhase,
    DeploymentResource,
    DeploymentSpec,
    DeploymentState,
    NewDeployment,
    Operator,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is read besides the present names: the classic system misspelt one.
_OTHER_CONFIG_NAMES = {"AZURE_FUNCTIONS": ("azure_function_operators_config",)}


def read_operator(value: object) -> Operator:
    """The operator of a name such as `aws-lambda` or `AWS_LAMBDA`, or of its number.

    Raises:
        InvalidArgument: there is none.
    """
    if isinstance(value, str):
        found = Operator.__members__.get(value.strip().upper().replace("-", "_"))
    else:
        found = next((each for each in Operator if type(value) is int and each == value), None)
    if found is None:
        names = ", ".join(each.written for each in Operator if each is not Operator.UNSET)
        raise InvalidArgument(f"There is no operator {value!r}; use one of {names}")
    return found


def read_phase(value: object) -> DeploymentPhase:
    """The state of a name such as `RUNNING` or `crash-loop-back-off`.

    Raises:
        InvalidArgument: there is none.
    """
    found = DeploymentPhase.__members__.get(value.strip().upper().replace("-", "_")) if isinstance(value, str) else None
    if found is None:
        names = ", ".join(each.name for each in DeploymentPhase)
        raise InvalidArgument(f"There is no state {value!r} of a deployment; use one of {names}")
    return found


def read_deployment(document: Mapping[str, Any], namespace: str = "") -> NewDeployment:
    """What somebody wants, out of a document; what the registry adds to a record is passed over.

    Args:
        document: as `Deployment.to_json` makes it, or the same in snake_case.
        namespace: for a document that names none.

    Raises:
        InvalidArgument: it is no deployment.
    """
    return NewDeployment(
        namespace=str(document.get("namespace") or namespace),
        name=str(document.get("name") or ""),
        spec=read_spec(_mapping(document, "spec")),
        labels=_mapping(document, "labels"),
        annotations=_mapping(document, "annotations"),
    )


def read_spec(document: Mapping[str, Any]) -> DeploymentSpec:
    """The spec, out of a document in camelCase or snake_case.

    Raises:
        InvalidArgument: it is none.
    """
    operator = read_operator(document.get("operator", Operator.UNSET.name))
    names = _config_names(operator)
    config = next((_mapping(document, name) for name in names if document.get(name) is not None), {})
    return DeploymentSpec(
        bento_name=str(document.get("bentoName") or document.get("bento_name") or ""),
        bento_version=str(document.get("bentoVersion") or document.get("bento_version") or ""),
        operator=operator,
        operator_config=read_config(operator.name, config),
    )


def _config_names(operator: Operator) -> tuple[str, ...]:
    """What the settings of an operator may be called."""
    return (config_key(operator.name), config_name(operator.name), *_OTHER_CONFIG_NAMES.get(operator.name, ()))


def refuse_settings_of_others(document: Mapping[str, Any], operator: Operator) -> None:
    """Refuse settings that nobody would read, in what a person has written; records may have some.

    Args:
        document: the spec.
        operator: that it names.

    Raises:
        InvalidArgument: there are some of another operator than the one that is named.
    """
    others = [name for other in Operator if other is not operator for name in _config_names(other)]
    found = next((name for name in others if document.get(name)), None)
    if found is not None and operator is not Operator.UNSET:
        raise InvalidArgument(
            f"The operator of the deployment is {operator.written}, and {found} are settings of another one: "
            f"write {config_name(operator.name)}, or name the other operator"
        )


def read_state(document: Mapping[str, Any]) -> DeploymentState:
    """The state, out of a document as `DeploymentState.to_json` makes it.

    Raises:
        InvalidArgument: it is none.
    """
    text, moment = document.get("infoJson") or "{}", document.get("timestamp")
    try:
        info = json.loads(text)
        timestamp = None if moment is None else parse_timestamp(moment)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"The state of a deployment cannot be read: {error}") from error
    return DeploymentState(
        read_phase(document.get("state")),
        str(document.get("errorMessage") or ""),
        info if isinstance(info, dict) else {},
        timestamp,
    )


def read_resource(document: Mapping[str, Any]) -> DeploymentResource:
    """A resource, out of a document as `DeploymentResource.to_json` makes it."""
    return DeploymentResource(str(document["kind"]), str(document["id"]), _mapping(document, "detail"))


def _mapping(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidArgument(f"{name} of a deployment must be a mapping, not {type(value).__name__}")
    return value
