"""What the objects of a deployment are called in a cluster, and which labels they have."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from bentoml.yatai.deployment_models import NewDeployment

LONGEST = 63
INSTANCE = "app.kubernetes.io/instance"
DEPLOYMENT = "bentoml.org/deployment"
"""Annotation with the full name of the deployment that has made an object."""
_MANAGER = {"app.kubernetes.io/managed-by": "bentoml"}
_DIGEST = 8
_is_label = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?").fullmatch
_is_object = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?").fullmatch


def cluster_namespace(wanted: NewDeployment, given: str | None) -> str:
    """The namespace of the cluster: the one that is given, else that of the deployment.

    Raises:
        InvalidArgument: no cluster has one of this name.
    """
    namespace = wanted.namespace if given is None else given
    if len(namespace) > LONGEST or not _is_label(namespace):
        raise InvalidArgument(
            f"{namespace!r} cannot be a namespace of a cluster: use at most {LONGEST} small letters, digits and `-`, "
            "with a letter or digit first and last; --kube-namespace names another one"
        )
    return namespace


def object_name(wanted: NewDeployment, namespace: str) -> str:
    """The name of all objects: that of the deployment, where it can be and no other deployment could have it.

    Args:
        wanted: the deployment.
        namespace: of the cluster.

    Returns:
        At most 63 small letters, digits and `-`, a letter first; the same for the same deployment each time.
    """
    if wanted.namespace == namespace and _is_object(wanted.name) and len(wanted.name) <= LONGEST:
        return wanted.name
    digest = hashlib.sha256(f"{wanted.namespace}/{wanted.name}".encode()).hexdigest()[:_DIGEST]
    return f"{_slug(wanted.name)[: LONGEST - _DIGEST - 1].rstrip('-')}-{digest}"


def labels_of(wanted: NewDeployment, name: str) -> dict[str, str]:
    """The labels of each object: those that Kubernetes recommends, and those of the deployment."""
    return {
        **wanted.labels,
        "app.kubernetes.io/name": _slug(wanted.spec.bento_name),
        "app.kubernetes.io/version": _label_value(wanted.spec.bento_version),
        "app.kubernetes.io/component": "model-server",
        **owned_labels(name),
    }


def selector_of(name: str) -> dict[str, str]:
    """The labels by which pods are found; they never change, as the selector of a Deployment cannot."""
    return {INSTANCE: name}


def owned_labels(name: str) -> dict[str, str]:
    """The labels that objects of this name have which a deployment has made, and those of others have not."""
    return {**_MANAGER, **selector_of(name)}


def annotations_of(wanted: NewDeployment) -> dict[str, str]:
    """From where each object comes, in full."""
    return {
        "bentoml.org/bundle": wanted.spec.bento_tag,
        DEPLOYMENT: f"{wanted.namespace}/{wanted.name}",
    }


def _slug(text: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].rstrip("-")
    return slug if slug and slug[0].isalpha() else f"b-{slug}"[:LONGEST].rstrip("-")


def _label_value(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)[:LONGEST].strip("_.-")
