"""`bentoml info` and `bentoml open-api-spec`: what a bundle says about itself."""

from __future__ import annotations

import json

import click

from bentoml.cli.options import bento_argument, bento_command, pickle_option, verify_option


@bento_command("info", short_help="Show the metadata of a bundle as JSON.")
@bento_argument
def info_command(bento: str, yatai_url: str | None) -> None:
    """Show the metadata of BENTO (directory, address, NAME:VERSION or NAME@ALIAS) as JSON. Runs none of its code.

    The last two keys are about its requirements.lock and its bill of materials; null where it has none.
    """
    from bentoml.cli.resolving import bundle_path
    from bentoml.saved_bundle import load_bento_service_metadata
    from bentoml.saved_bundle.requirement_files import describe_requirement_files

    path = bundle_path(bento, yatai_url)
    document = load_bento_service_metadata(path).to_snake_json()
    click.echo(json.dumps({**document, **describe_requirement_files(path)}, indent=2))


@bento_command("open-api-spec", short_help="Show the OpenAPI document of a bundle.")
@bento_argument
@verify_option
@pickle_option
def open_api_spec_command(bento: str, yatai_url: str | None, verify: bool, allow_pickle: bool | None) -> None:
    """Show the OpenAPI document that a server of BENTO (directory, address, NAME:VERSION or NAME@ALIAS) gives out."""
    from bentoml.cli.resolving import bundle_path
    from bentoml.saved_bundle import load
    from bentoml.service.openapi import openapi_document

    service = load(bundle_path(bento, yatai_url), verify=verify, allow_pickle=allow_pickle)
    click.echo(json.dumps(openapi_document(service), indent=2))
