"""`bentoml yatai-service-start`: the registry for a team, over HTTP."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.options import bento_command, warn_ignored

if TYPE_CHECKING:
    from bentoml.cli.command import Verbosity
    from bentoml.configuration import Config
    from bentoml.configuration.registry_schema import Repository, Yatai
    from bentoml.yatai.server.options import RegistryServerOptions

logger = logging.getLogger(__name__)


@bento_command("yatai-service-start", short_help="Run a registry that a team shares.")
@click.option(
    "--db-url",
    metavar="URL",
    envvar="BENTOML_DB_URL",
    show_envvar=True,
    help="Database of the catalog.  [configured, else sqlite:///$BENTOML_HOME/storage.db]",
)
@click.option(
    "--repo-base-url",
    metavar="URL",
    envvar="BENTOML_REPO_BASE_URL",
    show_envvar=True,
    help="Deprecated: s3:// or gs:// address, or directory, of the bundles.",
)
@click.option(
    "--repository-type",
    type=click.Choice(["file_system", "s3", "gcs", "azure"]),
    envvar="BENTOML_YATAI_REPOSITORY_TYPE",
    show_envvar=True,
    help="Where bundles are kept.  [configured, else file_system]",
)
@click.option(
    "--file-system-directory",
    type=click.Path(file_okay=False),
    envvar="BENTOML_YATAI_FILE_SYSTEM_DIRECTORY",
    show_envvar=True,
    help="Directory of the bundles.  [configured, else $BENTOML_HOME/repository]",
)
@click.option(
    "--s3-url",
    metavar="URL",
    envvar="BENTOML_YATAI_S3_URL",
    show_envvar=True,
    help="s3://BUCKET/PREFIX of the bundles.",
)
@click.option(
    "--s3-endpoint-url",
    metavar="URL",
    envvar="BENTOML_S3_ENDPOINT_URL",
    show_envvar=True,
    help="Address of a store that speaks the protocol of S3.",
)
@click.option(
    "--gcs-url",
    metavar="URL",
    envvar="BENTOML_YATAI_GCS_URL",
    show_envvar=True,
    help="gs://BUCKET/PREFIX of the bundles.",
)
@click.option(
    "--azure-url",
    metavar="URL",
    envvar="BENTOML_YATAI_AZURE_URL",
    show_envvar=True,
    help="azure://CONTAINER/PREFIX of the bundles.",
)
@click.option(
    "--grpc-port",
    type=click.IntRange(0, 65535),
    envvar="BENTOML_GRPC_PORT",
    show_envvar=True,
    help="Deprecated, ignored.",
)
@click.option(
    "--ui-port",
    type=click.IntRange(0, 65535),
    envvar="BENTOML_WEB_UI_PORT",
    show_envvar=True,
    help="The one port, of HTTP interface and pages; 0 takes a free one.  [configured, else 3000]",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    envvar="BENTOML_YATAI_HOST",
    show_envvar=True,
    help="Address to listen on; beyond this machine users have to log in.  [configured, else 127.0.0.1]",
)
@click.option(
    "--ui/--no-ui",
    default=None,
    envvar="BENTOML_ENABLE_WEB_UI",
    show_envvar=True,
    help="Serve the web pages, or the HTTP interface alone.  [configured, else --ui]",
)
@click.option(
    "--web-prefix-path",
    metavar="PATH",
    envvar="BENTOML_YATAI_WEB_PREFIX_PATH",
    show_envvar=True,
    help="Path before all others, such as /registry.  [configured, else .]",
)
@click.option("--ssl-certfile", type=click.Path(), help="Certificate chain (PEM); serves HTTPS.")
@click.option("--ssl-keyfile", type=click.Path(), help="Private key of the certificate (PEM).")
@click.option(
    "--auth/--no-auth",
    "auth_required",
    default=None,
    help="Have everybody say who they are, or nobody.  [configured, else unless only this machine can connect]",
)
@click.pass_obj
@click.pass_context
def yatai_service_start_command(
    ctx: click.Context, verbosity: Verbosity, /, grpc_port: int | None, **given: Any
) -> None:
    """Run a registry: bundles are listed, pushed, pulled and labelled over HTTP.

    Ctrl-C stops it: answers that are due are given first.
    """
    if grpc_port is not None:
        warn_ignored("--grpc-port", "HTTP interface and pages share one port, --ui-port")

    from bentoml.configuration import get_config
    from bentoml.exceptions import BentoMLConfigException
    from bentoml.yatai.server.options import RegistryServerOptions
    from bentoml.yatai.server.service import serve_registry

    config = _with_options(get_config(), given)
    try:
        options = RegistryServerOptions.from_config(config)
    except BentoMLConfigException as error:
        logger.error("%s", error)  # noqa: TRY400 - the classic line
        ctx.exit(1)

    def announce(address: str) -> None:
        if not verbosity.quiet:
            click.echo(_banner(address, options, is_debug=verbosity.debug))

    ctx.exit(serve_registry(config, options, announce))


def _with_options(config: Config, given: dict[str, Any]) -> Config:
    """The configuration with what was given on the command line in place of its own."""
    yatai: Yatai = config.yatai
    server = _changed(
        yatai.server,
        host=given["host"],
        port=given["ui_port"],
        ui=given["ui"],
        prefix_path=given["web_prefix_path"],
        ssl_certfile=given["ssl_certfile"],
        ssl_keyfile=given["ssl_keyfile"],
    )
    changed = yatai.changed(
        server=server,
        auth=_changed(yatai.auth, required=given["auth_required"]),
        database=_changed(yatai.database, url=given["db_url"]),
        repository=_repository(yatai.repository, given),
    )
    return config.changed(yatai=changed)


def _repository(repository: Repository, given: dict[str, Any]) -> Repository:
    base_url = given["repo_base_url"]
    if base_url is not None:
        logger.warning("--repo-base-url is deprecated; use --repository-type and the option of that type")
        kind, option = _classic_place(base_url)
        given = {**given, "repository_type": given["repository_type"] or kind, option: given[option] or base_url}
    return repository.changed(
        type=given["repository_type"] or repository.type,
        file_system=_changed(repository.file_system, directory=given["file_system_directory"]),
        s3=_changed(repository.s3, url=given["s3_url"], endpoint_url=given["s3_endpoint_url"]),
        gcs=_changed(repository.gcs, url=given["gcs_url"]),
        azure=_changed(repository.azure, url=given["azure_url"]),
    )


def _classic_place(base_url: str) -> tuple[str, str]:
    """Type of repository, and name of the option, that an address or a directory is for."""
    for scheme, kind in (("s3://", "s3"), ("gs://", "gcs"), ("azure://", "azure")):
        if base_url.startswith(scheme):
            return kind, f"{kind}_url"
    return "file_system", "file_system_directory"


def _changed(section: Any, **values: Any) -> Any:
    """A section with those values that are given."""
    return section.changed(**{name: value for name, value in values.items() if value is not None})


def _banner(address: str, options: RegistryServerOptions, *, is_debug: bool) -> str:
    url = f"{address}{options.prefix_path}"
    lines = [
        "* Starting BentoML YataiService",
        f"* Debug mode: {'on' if is_debug else 'off'}",
        f"* Listening on {url}",
        f"* Interface: {url}/openapi.json",
    ]
    if options.has_pages:
        lines.insert(3, f"* Web pages: {url}/")
    if options.requires_login:
        lines.append("* Users log in. Make the first one with: bentoml yatai user add NAME --role admin")
    else:
        lines.append("* Nobody has to log in: whoever can connect may do everything")
    lines += [f"* Push to it with: bentoml push NAME:VERSION --yatai-url {url}", "* Press Ctrl-C to stop"]
    return "\n".join(lines)
