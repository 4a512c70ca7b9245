"""What the files of all platforms are made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.container.image_name import pulled_image
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from bentoml.service.metadata import BentoServiceMetadata

_is_name = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?").fullmatch


@dataclass(frozen=True)
class App:
    """A bundle that shall run somewhere.

    Attributes:
        name: of the app, or service, on its platform.
        image: whole name of the image of the bundle.
        service: what is in the bundle.
    """

    name: str
    image: str
    service: BentoServiceMetadata

    @property
    def bundle(self) -> str:
        """Its tag."""
        return f"{self.service.name}:{self.service.version}"

    def check_name(self, platform: str, least: int, most: int) -> None:
        """Refuse a name that a platform would refuse.

        Args:
            platform: how texts call it.
            least: fewest characters.
            most: most characters.

        Raises:
            InvalidArgument: it would.
        """
        if not least <= len(self.name) <= most or not _is_name(self.name):
            raise InvalidArgument(
                f"{self.name!r} cannot be a name on {platform}: use {least} to {most} small letters, digits and `-`, "
                "a letter first, no `-` last"
            )


def app_of(name: str, image: str, service: BentoServiceMetadata) -> App:
    """An app of a bundle.

    Args:
        name: on its platform.
        image: name of the image; without a tag it is the version of the bundle.
        service: what is in the bundle.

    Raises:
        InvalidArgument: `image` is no name of an image.
    """
    return App(name, pulled_image(service.name, service.version, image), service)
