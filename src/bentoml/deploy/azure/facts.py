"""What the steps and files of one deployment are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.azure.az import Place, template_step
from bentoml.deploy.azure.names import Names, names_of
from bentoml.deploy.azure.templates import parameters_text, registry_template
from bentoml.deploy.container.image_name import name_of_service, tag_of_version

if TYPE_CHECKING:
    from bentoml.deploy.azure.options import ContainerAppsOptions, FunctionsOptions
    from bentoml.deploy.plans import Step
    from bentoml.yatai.deployment_models import NewDeployment

REGISTRY_FILE = "registry.json"
NO_SUBSCRIPTION = (
    "The names hold a digest of the subscription, which a plan does not ask for: --subscription ID shows the true ones"
)


@dataclass(frozen=True)
class Facts:
    """What is known of a deployment.

    Attributes:
        place: where it is.
        names: of what is made.
        bundle: its tag.
        image: whole name of the image of the bundle.
    """

    place: Place
    names: Names
    bundle: str
    image: str

    @property
    def server(self) -> str:
        """The host of the registry of images."""
        return server_of(self.names)

    def registry_files(self) -> dict[str, str]:
        """The template of the registry, and its parameters."""
        values = {"location": self.place.location, "registry": self.names.registry}
        return {REGISTRY_FILE: registry_template(), "registry.parameters.json": parameters_text(values)}

    def registry_step(self) -> Step:
        """Makes the registry."""
        return template_step(self.place, "registry", f"make the registry {self.names.registry}")


def facts_of(wanted: NewDeployment, options: FunctionsOptions | ContainerAppsOptions) -> Facts:
    """All that is known of a deployment."""
    names = names_of(wanted, options.location, options.subscription)
    place = Place(names.group, options.location, options.subscription, f"{wanted.namespace}/{wanted.name}")
    spec = wanted.spec
    image = f"{server_of(names)}/{name_of_service(spec.bento_name)}:{tag_of_version(spec.bento_version)}"
    return Facts(place, names, spec.bento_tag, image)


def server_of(names: Names) -> str:
    """The host of a registry of images."""
    return f"{names.registry}.azurecr.io"
