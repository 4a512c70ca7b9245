"""The `bentoml` command: one lazy group over a static table of commands."""

from __future__ import annotations

import click

from bentoml._version import __version__
from bentoml.cli.lazy_group import CommandEntry, LazyGroup

COMMANDS = (
    CommandEntry("list", "bentoml.cli.listing:list_command", "List the saved bundles of the repository."),
    CommandEntry("get", "bentoml.cli.listing:get_command", "Show one saved bundle, or the versions of a name."),
    CommandEntry("delete", "bentoml.cli.deletion:delete_command", "Delete saved bundles."),
    CommandEntry("restore", "bentoml.cli.marks:restore_command", "Bring deleted bundles back."),
    CommandEntry("label", "bentoml.cli.marks:label_command", "Show or change the labels of a saved bundle."),
    CommandEntry(
        "alias",
        "bentoml.cli.marks:alias_command",
        "Show, set or remove names for versions, such as NAME@production.",
    ),
    CommandEntry("push", "bentoml.cli.transfer:push_command", "Copy a bundle of this machine to a registry."),
    CommandEntry("pull", "bentoml.cli.transfer:pull_command", "Copy a bundle of a registry to this machine."),
    CommandEntry("retrieve", "bentoml.cli.retrieval:retrieve_command", "Copy a bundle into a directory."),
    CommandEntry("info", "bentoml.cli.description:info_command", "Show the metadata of a bundle as JSON."),
    CommandEntry(
        "open-api-spec", "bentoml.cli.description:open_api_spec_command", "Show the OpenAPI document of a bundle."
    ),
    CommandEntry(
        "load", "bentoml.cli.loading:load_command", "Load a bundle, to see that it works, and show what is in it."
    ),
    CommandEntry("env", "bentoml.cli.environments:env_command", "Explain, lock and make what bundles run in."),
    CommandEntry("sign", "bentoml.cli.signatures:sign_command", "Sign a bundle with a private key."),
    CommandEntry(
        "verify", "bentoml.cli.signatures:verify_command", "Check who signed a bundle, and that no file has changed."
    ),
    CommandEntry("run", "bentoml.cli.inference:run_command", "Run an inference API on input from the command line."),
    CommandEntry("serve", "bentoml.cli.serving:serve_command", "Serve a bundle over HTTP with one worker."),
    CommandEntry(
        "serve-gunicorn",
        "bentoml.cli.serving:serve_gunicorn_command",
        "Serve a bundle over HTTP in production.",
    ),
    CommandEntry("containerize", "bentoml.cli.containerization:containerize_command", "Build the image of a bundle."),
    CommandEntry("kubernetes", "bentoml.cli.kubernetes:kubernetes_command", "Run bundles on Kubernetes."),
    CommandEntry("lambda", "bentoml.cli.aws_lambda:lambda_command", "Run bundles on AWS Lambda."),
    CommandEntry("sagemaker", "bentoml.cli.aws_sagemaker:sagemaker_command", "Run bundles on AWS SageMaker."),
    CommandEntry("ecs", "bentoml.cli.aws_ecs:ecs_command", "Run bundles on AWS ECS."),
    CommandEntry("ec2", "bentoml.cli.aws_ec2:ec2_command", "Run bundles on AWS EC2."),
    CommandEntry("azure-functions", "bentoml.cli.azure:azure_functions_command", "Run bundles on Azure Functions."),
    CommandEntry(
        "azure-container-apps", "bentoml.cli.azure:azure_container_apps_command", "Run bundles on Azure Container Apps."
    ),
    CommandEntry("cloud-run", "bentoml.cli.cloud_run:cloud_run_command", "Write the file of a service on Cloud Run."),
    CommandEntry(
        "app-files", "bentoml.cli.app_files:app_files_command", "Write the files of an app for Heroku, Fly and others."
    ),
    CommandEntry("ray", "bentoml.cli.ray:ray_command", "Run bundles on a Ray cluster."),
    CommandEntry("deployment", "bentoml.cli.deployments:deployment_group", "Look after bundles that run somewhere."),
    CommandEntry(
        "healthcheck",
        "bentoml.cli.healthcheck:healthcheck_command",
        "Ask the server on this machine whether it can answer.",
    ),
    CommandEntry(
        "yatai-service-start",
        "bentoml.cli.yatai_service:yatai_service_start_command",
        "Run a registry that a team shares.",
    ),
    CommandEntry("yatai", "bentoml.cli.yatai:yatai_command", "Look after a registry: users, tokens and files."),
    CommandEntry("config", "bentoml.cli.config:config_command", "Look at the configuration, and change its file."),
    CommandEntry("token", "bentoml.cli.tokens:token_command", "Make a token that lets its holder use a server."),
    CommandEntry(
        "metrics", "bentoml.cli.metrics:metrics_group", "Print a dashboard or alert rules for the metrics of servers."
    ),
    CommandEntry(
        "install-completion", "bentoml.cli.completion:install_completion_command", "Install completion for your shell."
    ),
)


@click.group(
    name="bentoml",
    cls=LazyGroup,
    entries=COMMANDS,
    help="Take a trained model to production: save it as a bundle, list it, run it, serve it.",
    epilog="Run 'bentoml COMMAND --help' for the options of a command.",
)
@click.version_option(__version__, prog_name="bentoml", message="%(prog)s, version %(version)s")
def commandline_interface() -> None:
    """Take a trained model to production."""


def main() -> None:
    """Run the command line with the arguments of this process and exit with its status."""
    commandline_interface.main(prog_name="bentoml")
