"""Deployments on Kubernetes.

`KubernetesOptions` is what a user asks for, `KubernetesDeployer` makes it with kubectl, `manifests` gives it as files.
"""

from bentoml.deploy.kubernetes.deployer import KubernetesDeployer
from bentoml.deploy.kubernetes.forms import FORMS, manifests
from bentoml.deploy.kubernetes.kubectl import with_context
from bentoml.deploy.kubernetes.options import SERVICE_TYPES, KubernetesOptions

__all__ = [
    "FORMS",
    "SERVICE_TYPES",
    "KubernetesDeployer",
    "KubernetesOptions",
    "manifests",
    "with_context",
]
