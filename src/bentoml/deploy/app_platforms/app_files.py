"""The files of apps on platforms that resemble Heroku, by platform.

A Procfile is not among them: it starts a program that a buildpack has installed, and a bundle brings an image. Nor is a
file for Railway: there the image of a service is chosen in its settings, and `railway.json` cannot name one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.deploy.app_platforms import cloud_foundry, digital_ocean, fly, heroku, render
from bentoml.deploy.app_platforms.server import END_S, Surroundings, longest_answer_s, server_variables
from bentoml.deploy.app_platforms.wish import Wish
from bentoml.deploy.plans import Plan
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bentoml.deploy.app_platforms.app import App
    from bentoml.deploy.app_platforms.app_options import AppOptions

_FIELDS = ("region", "size", "memory", "instances", "secrets")


@dataclass(frozen=True)
class AppPlatform:
    """What is to be known of a platform.

    Attributes:
        title: how texts call it.
        files: makes its files, by name.
        name_length: fewest and most characters of the name of an app.
        left_out: options that its file has no place for, with what to do instead.
        kill_after_s: from SIGTERM to SIGKILL; the most of it where the file can say so.
        says_kill: whether the file says so.
        proxies: network from which its proxy connects; None where this is not known.
        timeout_s: after which it gives an answer up; None leaves that to the server.
    """

    title: str
    files: Callable[[Wish], dict[str, str]]
    name_length: tuple[int, int]
    left_out: Mapping[str, str]
    kill_after_s: int
    says_kill: bool = True
    timeout_s: int | None = None
    proxies: str | None = None


PLATFORMS: Mapping[str, AppPlatform] = {
    "heroku": AppPlatform(
        "Heroku",
        heroku.files,
        (3, 30),
        {
            "region": "heroku create --region",
            "size": "heroku ps:type",
            "memory": "heroku ps:type",
            "instances": "heroku ps:scale",
            "secrets": "heroku config:set",
        },
        kill_after_s=30,
        says_kill=False,
        timeout_s=30,
        proxies="10.0.0.0/8",
    ),
    "fly": AppPlatform("Fly", fly.files, (1, 63), {"secrets": "fly secrets set"}, kill_after_s=300),
    "render": AppPlatform("Render", render.files, (1, 63), {"memory": "--size"}, kill_after_s=300),
    "digitalocean": AppPlatform(
        "App Platform",
        digital_ocean.files,
        (2, 32),
        {
            "memory": "--size",
            "secrets": "the settings of the app, or an entry of type SECRET with its value in the file",
        },
        kill_after_s=600,
    ),
    "cloud-foundry": AppPlatform(
        "Cloud Foundry",
        cloud_foundry.files,
        (1, 63),
        {"region": "cf login -a", "size": "--memory"},
        kill_after_s=10,
        says_kill=False,
    ),
}


def app_plan(app: App, platform: str, options: AppOptions) -> Plan:
    """The files of an app.

    Args:
        app: what runs.
        platform: one of `PLATFORMS`.
        options: how it runs.

    Raises:
        InvalidArgument: it cannot be; the text says what to change.
    """
    known = PLATFORMS[platform]
    app.check_name(known.title, *known.name_length)
    for name in _FIELDS:
        if getattr(options, name) not in (None, ()) and name in known.left_out:
            raise InvalidArgument(
                f"leave {name} out: the file of {known.title} does not say it; use {known.left_out[name]}"
            )
    kill_after_s = known.kill_after_s
    if known.says_kill:
        kill_after_s = min(longest_answer_s(app.service) + END_S, kill_after_s)
    variables = server_variables(
        options.workers, Surroundings(kill_after_s, known.timeout_s, known.proxies), options.env
    )
    return Plan(known.files(Wish(app, options, kill_after_s, variables)))
