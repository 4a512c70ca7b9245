"""The commands that are the same on all platforms: `delete`, `get` and `list`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from bentoml.cli.deployment_actions import chosen_namespace, open_registry, say_to
from bentoml.cli.deployment_options import force_option, listing_options, one_deployment
from bentoml.cli.deployment_view import print_deployments
from bentoml.cli.interruption import sigterm_as_exit
from bentoml.cli.lazy_group import CommandEntry
from bentoml.cli.options import bento_command, output_option, yatai_url_option

if TYPE_CHECKING:
    from bentoml.cli.command import BentoCommand, Verbosity
    from bentoml.deploy.plans import Deployments
    from bentoml.yatai.deployment_models import Operator


@dataclass(frozen=True)
class Platform:
    """What the commands have to know of a platform.

    Attributes:
        title: how texts call it.
        name: of its `Operator`, which is imported when a command runs.
    """

    title: str
    name: str

    @property
    def operator(self) -> Operator:
        """Its kind."""
        from bentoml.yatai.deployment_models import Operator

        return Operator[self.name]

    def entries(self, module: str, prefix: str = "") -> tuple[CommandEntry, ...]:
        """The entries of its group.

        Args:
            module: has `delete`, `get` and `list`; `deploy` and `update` are in the one named after it with `_changes`.
            prefix: of their names.
        """
        rows = (
            ("deploy", f"{module}_changes", f"Run a bundle on {self.title}."),
            ("update", f"{module}_changes", f"Change a deployment on {self.title}."),
            ("delete", module, f"Remove a deployment on {self.title}."),
            ("get", module, f"Show how a deployment on {self.title} does."),
            ("list", module, f"List the deployments on {self.title}."),
        )
        return tuple(CommandEntry(name, f"{place}:{prefix}{name}_command", summary) for name, place, summary in rows)

    def deployments(self, yatai_url: str | None, verbosity: Verbosity) -> Deployments:
        """Its deployments, as a registry has them."""
        from bentoml.cli.deployment_platforms import deployer_of
        from bentoml.deploy.plans import Deployments

        return Deployments(open_registry(yatai_url), deployer_of(self.operator, yatai_url), say_to(verbosity))


def delete_deployment(deployments: Deployments, namespace: str, name: str, *, force: bool) -> None:
    """Remove a deployment, and say what may be left."""
    with sigterm_as_exit():
        left = deployments.delete(namespace, name, force=force)
    for reason in left:
        click.echo(f"may still exist: {reason}", err=True)
    click.echo(f"Deleted deployment {namespace}/{name}")


def delete_command_of(platform: Platform) -> BentoCommand:
    """The command that removes a deployment."""

    @bento_command("delete", short_help=f"Remove a deployment on {platform.title}.")
    @one_deployment
    @force_option
    @yatai_url_option
    @click.pass_obj
    def command(verbosity: Verbosity, name: str, namespace: str | None, force: bool, yatai_url: str | None) -> None:
        deployments = platform.deployments(yatai_url, verbosity)
        delete_deployment(deployments, chosen_namespace(namespace), name, force=force)

    command.help = f"Remove what exists of a deployment on {platform.title}, then its record."
    return command


def get_command_of(platform: Platform) -> BentoCommand:
    """The command that says how a deployment does."""

    @bento_command("get", short_help=f"Show how a deployment on {platform.title} does.")
    @one_deployment
    @output_option
    @yatai_url_option
    @click.pass_obj
    def command(
        verbosity: Verbosity, name: str, namespace: str | None, output: str | None, yatai_url: str | None
    ) -> None:
        found = platform.deployments(yatai_url, verbosity).describe(chosen_namespace(namespace), name)
        print_deployments([found], output or "json")

    command.help = f"Ask {platform.title} how a deployment does now, and show that with its record."
    return command


def list_command_of(platform: Platform) -> BentoCommand:
    """The command that lists deployments."""

    @bento_command("list", short_help=f"List the deployments on {platform.title}.")
    @listing_options
    def command(
        namespace: str | None,
        labels: str | None,
        limit: int | None,
        order_by: str,
        ascending: bool,
        output: str | None,
        yatai_url: str | None,
    ) -> None:
        from bentoml.yatai.deployment_models import DEFAULT_LIMIT, DeploymentQuery
        from bentoml.yatai.labels import parse_label_query
        from bentoml.yatai.models import SortBy

        query = DeploymentQuery(
            namespace=namespace,
            operator=platform.operator,
            conditions=parse_label_query(labels) if labels else (),
            sort_by=SortBy[order_by.upper()],
            ascending=ascending,
            limit=DEFAULT_LIMIT if limit is None else limit,
        )
        print_deployments(open_registry(yatai_url).list_deployments(query), output or "table")

    command.help = f"List the deployments on {platform.title} as they are recorded, newest first."
    return command
