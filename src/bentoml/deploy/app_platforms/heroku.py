"""The files of an app on Heroku.

Heroku takes no image by its name. It builds a Dockerfile, without BuildKit, which the Dockerfile of a bundle needs; so
here is one that only sets variables on top of the image.

Source: https://devcenter.heroku.com/articles/build-docker-images-heroku-yml
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bentoml.deploy.plans.yaml_text import yaml_text
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from bentoml.deploy.app_platforms.wish import Wish

DOCKERFILE = "Dockerfile"


def files(wish: Wish) -> dict[str, str]:
    """For `git push heroku`, and for `heroku container:push`.

    Raises:
        InvalidArgument: a variable has several lines, which no Dockerfile can hold.
    """
    name = wish.app.name
    lines = [f"ENV {key}={_quoted(key, value)}\n" for key, value in wish.variables.items()]
    head = wish.head(f"heroku container:push web --app {name}, then heroku container:release web --app {name}")
    return {
        "heroku.yml": yaml_text({"build": {"docker": {"web": DOCKERFILE}}}),
        DOCKERFILE: f"{head}FROM {wish.app.image}\n{''.join(lines)}",
    }


def _quoted(key: str, value: str) -> str:
    if not value.isprintable():
        raise InvalidArgument(f"the variable {key} has characters that no Dockerfile can hold; use heroku config:set")
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'
