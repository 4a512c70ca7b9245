"""`deploy` and `update`, which are the same on all platforms but for their options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.deployment_actions import Change, change, chosen_namespace, open_registry, say_to
from bentoml.cli.deployment_options import change_options, one_deployment, together
from bentoml.cli.deployment_wishes import changed_wish, given_settings, new_wish, wanted_spec
from bentoml.cli.options import bento_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bentoml.cli.command import BentoCommand, Verbosity
    from bentoml.cli.deployment_commands import Platform
    from bentoml.cli.deployment_options import Decorator
    from bentoml.deploy.plans import Deployments
    from bentoml.yatai.deployment_models import Deployment, NewDeployment
    from bentoml.yatai.registry import Registry

    ReadSettings = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]

engine_option = click.option(
    "--engine",
    type=click.Choice(["docker", "podman", "buildah"]),
    help="What builds the image.  [the first that is there]",
)
_MAKING = ("build", "push", "engine")


def _see_nothing(found: Deployment, wanted: NewDeployment) -> None:
    """Accept every change."""


@dataclass(frozen=True)
class Changes:
    """What `deploy` and `update` have to know of a platform.

    Attributes:
        platform: on which bundles run.
        options: one for each setting, and those of `_MAKING` that it has.
        update_options: where `update` has others, such as one that is required of `deploy` alone.
        read: makes settings out of options and the settings of before.
        see: refuses a change that cannot be meant.
        names: what `deploy` has to name deployment, namespace and bundle; None for what is usual. A deployment
            without a name is called as its service.
    """

    platform: Platform
    options: Decorator
    update_options: Decorator | None = None
    read: ReadSettings = given_settings
    see: Callable[[Deployment, NewDeployment], None] = _see_nothing
    names: Decorator | None = None

    def deploy_command(self) -> BentoCommand:
        """The command that makes a deployment."""
        title = self.platform.title

        @bento_command("deploy", short_help=f"Run a bundle on {title}.")
        @(self.names or together(one_deployment, _bento_option(required=True, text="Bundle.")))
        @together(self.options, change_options)
        @click.pass_obj
        def command(
            verbosity: Verbosity, /, name: str | None, namespace: str | None, bento: str, **options: Any
        ) -> None:
            asked, making = Change.taken_from(options), _taken_making(options)
            registry = open_registry(asked.yatai_url)
            settings = self._settings(options, {}, asked)
            spec = wanted_spec(registry, bento, self.platform.operator, settings)
            wanted = new_wish(spec.bento_name if name is None else name, namespace, spec, asked)
            deployments = self._deployments(registry, making, asked, verbosity)
            change(deployments, wanted, deployments.deploy, asked, verbosity)

        command.help = f"Run a bundle on {title} as the deployment NAME, and record what exists of it."
        return command

    def update_command(self) -> BentoCommand:
        """The command that changes a deployment."""
        title = self.platform.title

        @bento_command("update", short_help=f"Change a deployment on {title}.")
        @one_deployment
        @_bento_option(required=False, text="Another bundle.")
        @together(self.update_options or self.options, change_options)
        @click.pass_obj
        def command(
            verbosity: Verbosity, /, name: str, namespace: str | None, bento: str | None, **options: Any
        ) -> None:
            asked, making = Change.taken_from(options), _taken_making(options)
            registry = open_registry(asked.yatai_url)
            deployments = self._deployments(registry, making, asked, verbosity)
            found = deployments.recorded(chosen_namespace(namespace), name)
            settings = self._settings(options, dict(found.spec.operator_config), asked)
            wanted = changed_wish(registry, found, bento, settings, asked)
            self.see(found, wanted)
            change(deployments, wanted, deployments.update, asked, verbosity)

        command.help = (
            f"Change the deployment NAME on {title}, or go on with one that has failed. What is not given stays as it "
            "is recorded; an empty text takes an option back."
        )
        return command

    def _settings(self, options: dict[str, Any], before: dict[str, Any], asked: Change) -> dict[str, Any]:
        from bentoml.cli.deployment_platforms import placed

        return placed(self.platform.operator, self.read(options, before), {}, is_plan=asked.is_plan)

    def _deployments(
        self, registry: Registry, making: Mapping[str, Any], asked: Change, verbosity: Verbosity
    ) -> Deployments:
        from bentoml.cli.deployment_platforms import deployer_of
        from bentoml.deploy.plans import Deployments

        deployer = deployer_of(self.platform.operator, asked.yatai_url, **making)
        return Deployments(registry, deployer, say_to(verbosity))


def _bento_option(*, required: bool, text: str) -> Decorator:
    names = ("-b", "--bento", "--bento-service-bundle", "bento")
    return click.option(*names, required=required, metavar="NAME:VERSION", help=text)


def _taken_making(options: dict[str, Any]) -> dict[str, Any]:
    """Take those options that say how the image is made, which no record has."""
    return {name: options.pop(name) for name in _MAKING if name in options}
