"""Images of bundles.

`containerize` builds one with docker, podman or buildah; `plan_image` says what it would do. A `ContainerEngine` knows
how its program is called, nothing else.
"""

from bentoml.deploy.container.build import containerize, plan_image, run_commands
from bentoml.deploy.container.build_secret import BuildSecret, parse_secret
from bentoml.deploy.container.engine import Command, ContainerEngine, ImageRequest
from bentoml.deploy.container.engines import choose_engine
from bentoml.deploy.container.image_facts import ImageFacts, image_facts, run_command
from bentoml.deploy.container.image_options import ImageOptions
from bentoml.deploy.container.image_step import ImageStep

__all__ = [
    "BuildSecret",
    "Command",
    "ContainerEngine",
    "ImageFacts",
    "ImageOptions",
    "ImageRequest",
    "ImageStep",
    "choose_engine",
    "containerize",
    "image_facts",
    "parse_secret",
    "plan_image",
    "run_command",
    "run_commands",
]
