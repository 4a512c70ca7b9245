"""`bentoml kubernetes manifests`: the objects of a deployment, for those who apply them by other means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bentoml.cli.deployment_actions import chosen_namespace, open_registry
from bentoml.cli.deployment_options import labels_given, one_deployment
from bentoml.cli.deployment_wishes import wanted_spec
from bentoml.cli.kubernetes_options import kubernetes_settings, platform_options
from bentoml.cli.options import bento_command, yatai_url_option

_DIRECTORIES = {"kustomize": "a base for kustomize", "helm": "a chart"}


@bento_command("manifests", short_help="Print or write objects for other programs.")
@one_deployment
@click.option("-b", "--bento", "--bento-service-bundle", "bento", required=True, metavar="NAME:VERSION", help="Bundle.")
@platform_options
@labels_given
@click.option(
    "--form",
    type=click.Choice(["plain", "kustomize", "helm", "kserve"]),
    default="plain",
    help="Objects alone, a base for kustomize, a chart for Helm, or an InferenceService of KServe.  [plain]",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write one file for each object to a new directory.",
)
@yatai_url_option
def manifests_command(
    name: str,
    namespace: str | None,
    bento: str,
    labels: dict[str, str] | None,
    form: str,
    output_dir: Path | None,
    yatai_url: str | None,
    **options: Any,
) -> None:
    """Print the objects of a deployment, or write them; nothing is applied or recorded."""
    from bentoml.deploy.kubernetes import manifests
    from bentoml.deploy.plans import Plan, write_plan
    from bentoml.yatai.deployment_checks import checked_deployment
    from bentoml.yatai.deployment_models import NewDeployment, Operator

    if form in _DIRECTORIES and output_dir is None:
        raise click.UsageError(f"{_DIRECTORIES[form]} is a directory: give --output-dir")
    spec = wanted_spec(open_registry(yatai_url), bento, Operator.KUBERNETES, kubernetes_settings(options, {}))
    wanted = checked_deployment(NewDeployment(chosen_namespace(namespace), name, spec, labels or {}))
    files = manifests(wanted, form)
    if output_dir is None:
        click.echo("---\n".join(files.values()), nl=False)
    else:
        write_plan(Plan(files), output_dir)
