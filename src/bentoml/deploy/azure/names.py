"""What the things of one deployment are called on Azure; some of these names are unique in the whole world."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.yatai.deployment_models import NewDeployment

LONGEST_GROUP = 90
_LONGEST_SITE = 60
_LONGEST_CONTAINER_APP = 32
_DIGEST = 8


@dataclass(frozen=True)
class Names:
    """The names of one deployment in one region of one subscription.

    Attributes:
        group: of the resource group, which holds all others; at most 90 characters.
        registry: of the registry of images; 5 to 50 small letters and digits, unique in the world.
        storage: of the storage account; 3 to 24 small letters and digits, unique in the world.
        site: of the function app, and of its host; at most 60 characters, unique in the world.
        container_app: at most 32 characters, a letter first.
    """

    group: str
    registry: str
    storage: str
    site: str
    container_app: str


def names_of(wanted: NewDeployment, location: str, subscription: str | None) -> Names:
    """The same names for the same deployment each time.

    Args:
        wanted: the deployment.
        location: a group cannot move to another region, so that another one means other names.
        subscription: its id; None while nobody knows it, which gives names that only serve to look at.
    """
    key = f"{subscription or ''}/{location}/{wanted.namespace}/{wanted.name}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    short, tail = digest[:_DIGEST], digest[:16]
    full = _slug(f"{wanted.namespace}-{wanted.name}")
    return Names(
        group=f"{f'bentoml-{full}'[: LONGEST_GROUP - _DIGEST - 1].rstrip('-')}-{short}",
        registry=f"bentoml{tail}",
        storage=f"bentoml{tail}",
        site=_short(wanted.name, _LONGEST_SITE, short),
        container_app=_short(wanted.name, _LONGEST_CONTAINER_APP, short),
    )


def _short(name: str, longest: int, digest: str) -> str:
    return f"{_slug(name)[: longest - _DIGEST - 1].rstrip('-')}-{digest}"


def _slug(text: str) -> str:
    """Small letters, digits and single `-`, a letter first."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return slug if slug[:1].isalpha() else f"b-{slug}".rstrip("-")
