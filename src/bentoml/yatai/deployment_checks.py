"""What a deployment must be like to be recorded."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import InvalidArgument
from bentoml.service.naming import validate_labels
from bentoml.types import Tag
from bentoml.yatai.deployment_forms import read_config
from bentoml.yatai.deployment_models import Operator
from bentoml.yatai.registry import LATEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.yatai.deployment_models import DeploymentResource, DeploymentSpec, DeploymentState, NewDeployment

MAX_DOCUMENT_BYTES = 64 * 1024
MAX_TEXT = 10_000
MAX_RESOURCES = 1000
MAX_NAME = 63
_LEAST_NAME = 4
_LEAST_NAMESPACE = 3
_DEEPEST = 32
_LEAST_INTEGER, _LARGEST_INTEGER = -(1 << 63), (1 << 64) - 1
_is_name = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?").fullmatch


def checked_deployment(wanted: NewDeployment) -> NewDeployment:
    """A deployment that somebody wants, when it can be recorded.

    Raises:
        InvalidArgument: it cannot.
    """
    check_name("name", wanted.name, _LEAST_NAME)
    check_name("namespace", wanted.namespace, _LEAST_NAMESPACE)
    annotations = checked_document("annotations", wanted.annotations)
    for key, value in annotations.items():
        if not isinstance(value, str):
            raise InvalidArgument(f"The annotation {key} of a deployment must be a text, not {type(value).__name__}")
    return replace(
        wanted, spec=_checked_spec(wanted.spec), labels=validate_labels(wanted.labels), annotations=annotations
    )


def check_name(what: str, name: object, least: int = 1) -> None:
    """Refuse what cannot be the name or the namespace of a deployment.

    Raises:
        InvalidArgument: it has other characters, or too few or too many.
    """
    if not isinstance(name, str) or not least <= len(name) <= MAX_NAME or not _is_name(name):
        raise InvalidArgument(
            f"{name!r} cannot be the {what} of a deployment: use {least} to {MAX_NAME} letters, digits, `-`, `_` and "
            "`.`, with a letter or digit first and last"
        )


def checked_state(state: DeploymentState) -> DeploymentState:
    """A state, when it can be recorded.

    Raises:
        InvalidArgument: it cannot.
    """
    check_text("error_message", state.error_message)
    return replace(state, info=checked_document("info", state.info))


def checked_resources(resources: Sequence[DeploymentResource]) -> tuple[DeploymentResource, ...]:
    """What exists on a platform, when it can be recorded.

    Raises:
        InvalidArgument: it cannot.
    """
    if len(resources) > MAX_RESOURCES:
        raise InvalidArgument(f"At most {MAX_RESOURCES} resources of a deployment are recorded, not {len(resources)}")
    for resource in resources:
        for text in (resource.kind, resource.id):
            check_text("resource", text)
            if not text:
                raise InvalidArgument("Each resource of a deployment has a kind and an id, both not empty")
    checked_document("resources", {"resources": [resource.to_json() for resource in resources]})
    return tuple(resources)


def check_text(what: str, text: object) -> None:
    """Refuse a text that no database takes, or that nobody reads.

    Raises:
        InvalidArgument: it is none, too long, or holds what is no character.
    """
    if not isinstance(text, str) or len(text) > MAX_TEXT or not _is_clean(text):
        raise InvalidArgument(f"{what} must be a text of at most {MAX_TEXT} characters, none of them NUL")


def checked_document(what: str, value: object) -> dict[str, Any]:
    """A JSON object as it comes back from the database.

    Raises:
        InvalidArgument: it is none, too large or too deep, or holds what is no JSON.
    """
    if not isinstance(value, dict):
        raise InvalidArgument(f"{what} must be a mapping of names to values, not {type(value).__name__}")
    _check_values(what, value, 0)
    text = json.dumps(value)
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InvalidArgument(f"{what} must take at most {MAX_DOCUMENT_BYTES} bytes as JSON, not {len(text)}")
    plain: dict[str, Any] = json.loads(text)
    return plain


def _checked_spec(spec: DeploymentSpec) -> DeploymentSpec:
    if spec.operator is Operator.UNSET:
        names = ", ".join(operator.written for operator in Operator if operator is not Operator.UNSET)
        raise InvalidArgument(f"The deployment names no operator; give one of {names}")
    for what, text in (("bento_name", spec.bento_name), ("bento_version", spec.bento_version)):
        check_text(what, text)
        if not text:
            raise InvalidArgument(f"The deployment has no {what}; give the name and the version of a bundle")
    tag = Tag(spec.bento_name, spec.bento_version)
    if tag.alias is not None or tag.version.lower() == LATEST:
        raise InvalidArgument(
            f"{tag} may mean another bundle tomorrow; a deployment names the version itself, as in {tag.name}:VERSION"
        )
    config = checked_document("operator_config", dict(spec.operator_config))
    return replace(spec, operator_config=read_config(spec.operator.name, config))


def _check_values(what: str, value: object, depth: int) -> None:
    """Refuse what is no JSON, or what a database does not take."""
    if depth > _DEEPEST:
        raise InvalidArgument(f"{what} is nested deeper than {_DEEPEST} times")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidArgument(f"{what} has the key {key!r}; keys are texts")
            _check_value(what, key)
            _check_values(what, item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_values(what, item, depth + 1)
    else:
        _check_value(what, value)


def _check_value(what: str, value: object) -> None:
    if not (value is None or isinstance(value, (bool, int, float, str))):
        raise InvalidArgument(f"{what} holds a {type(value).__name__}; use what JSON knows")
    if isinstance(value, str) and not _is_clean(value):
        raise InvalidArgument(f"{what} holds a NUL or half a character: {value[:50]!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgument(f"{what} holds {value}, which is no number in JSON")
    if isinstance(value, int) and not _LEAST_INTEGER <= value <= _LARGEST_INTEGER:
        raise InvalidArgument(f"{what} holds a whole number of more than 64 bits; write it as a text")


def _is_clean(text: str) -> bool:
    """Whether both databases take a text: no NUL, and no half of a pair of surrogates."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
