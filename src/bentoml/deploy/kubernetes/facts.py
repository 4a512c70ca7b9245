"""What the objects of one deployment are made from: all that is known, checked and named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.configuration.settings import config_of, default_layer, environment_layer, file_layer
from bentoml.deploy.container.image_name import pulled_image
from bentoml.deploy.kubernetes.names import annotations_of, cluster_namespace, labels_of, object_name, selector_of
from bentoml.deploy.kubernetes.options import KubernetesOptions
from bentoml.deploy.plans import settings_of_server
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bentoml.configuration.schema import Config
    from bentoml.yatai.deployment_models import NewDeployment

CONFIG_FILE = "bentoml.yml"


@dataclass(frozen=True)
class Facts:
    """What the objects are made from.

    Attributes:
        name: of all objects.
        namespace: of the cluster.
        image: whole name of the image.
        options: what the user asks for.
        config: as it will be in force in the pods.
        labels: of all objects.
        annotations: of all objects.
    """

    name: str
    namespace: str
    image: str
    options: KubernetesOptions
    config: Config
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def selector(self) -> dict[str, str]:
        """The labels by which pods are found."""
        return selector_of(self.name)

    def metadata(self) -> dict[str, Any]:
        """Of any of the objects."""
        return {
            "name": self.name,
            "namespace": self.namespace,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
        }


def facts_of(wanted: NewDeployment) -> Facts:
    """All that is known of a deployment.

    Raises:
        InvalidArgument: it cannot be.
    """
    options = KubernetesOptions.from_config(wanted.spec.operator_config)
    namespace = cluster_namespace(wanted, options.kube_namespace)
    name = object_name(wanted, namespace)
    return Facts(
        name=name,
        namespace=namespace,
        image=pulled_image(wanted.spec.bento_name, wanted.spec.bento_version, options.image),
        options=options,
        config=_config_in_pods(options),
        labels=labels_of(wanted, name),
        annotations=annotations_of(wanted),
    )


def _config_in_pods(options: KubernetesOptions) -> Config:
    """The configuration of the server in the pods.

    Raises:
        InvalidArgument: the file or a variable has a key or a value that the server would refuse.
    """
    layers = [default_layer()]
    if options.config is not None:
        layers.append(file_layer(options.config, Path(CONFIG_FILE)))
    layers.append(environment_layer(settings_of_server(options.env)))
    problems = [problem for layer in layers for problem in layer.problems]
    if problems:
        raise InvalidArgument(problems[0])
    return config_of({name: setting for layer in layers for name, setting in layer.settings.items()})
