"""`bentoml env explain`: why each requirement of a bundle is there, and what was left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.options import bento_argument, bento_command
from bentoml.cli.plain_table import plain_table

if TYPE_CHECKING:
    from bentoml.saved_bundle.code.sources import LeftOut
    from bentoml.saved_bundle.requirements.requirement_record import RequirementRecord

_NOT_RECORDED = (
    "This bundle does not say why its requirements are there, nor what was left out: the version of bentoml that saved "
    "it did not record that. Save the service again to have it recorded."
)
_NOT_REQUIRED = (
    "What is imported, but not required, is not there where only the requirements are installed. Save the service "
    "again with it in pip_packages or requirements_txt_file, or with infer_pip_packages=True."
)


@bento_command("explain", short_help="Show why each requirement of a bundle is there, and what was left out.")
@bento_argument
@click.option(
    "-o", "--output", type=click.Choice(("table", "json")), default="table", show_default=True, help="The form."
)
def explain_command(bento: str, yatai_url: str | None, output: str) -> None:
    """Show why each requirement of BENTO (directory, address, NAME:VERSION or NAME@ALIAS) is there.

    That is the import, the artifact, the adapter or the option that brought it. Shows also which imports brought none,
    and by which rule. Runs none of the bundle's code.
    """
    from bentoml.cli.resolving import bundle_path
    from bentoml.saved_bundle import load_saved_bundle_config
    from bentoml.saved_bundle.requirements.requirement_record import read_record

    manifest = load_saved_bundle_config(bundle_path(bento, yatai_url))
    record = read_record(manifest)
    if output == "json":
        tag = f"{manifest.service_name}:{manifest.service_version}"
        click.echo(json.dumps(_document(tag, record), indent=2))
        return
    for number, table in enumerate(_tables(record)):
        click.echo(f"\n{table}" if number else table)
    if _unrequired(record):
        click.echo(f"\n{_NOT_REQUIRED}")
    if not record.is_complete:
        click.echo(f"\n{_NOT_RECORDED}")


def _document(tag: str, record: RequirementRecord) -> dict[str, Any]:
    return {
        "bento": tag,
        "recorded": record.is_complete,
        "requirements": record.manifest_section()["kept"],
        "left_out": record.manifest_section()["left_out"],
    }


def _tables(record: RequirementRecord) -> list[str]:
    rows = []
    for one in record.kept:
        reasons = [str(reason) for reason in one.because] or ["not recorded"]
        rows += [
            (_printable(one.requirement if not number else ""), _printable(text)) for number, text in enumerate(reasons)
        ]
    tables = [plain_table(("REQUIREMENT", "BECAUSE OF"), rows)]
    unrequired = [(f"{one.name} ({one.distribution})", one.place, one.rule) for one in _unrequired(record)]
    others = [(one.name, one.place, one.rule) for one in record.left_out if not one.distribution]
    for header, left_out in (("IMPORTED, BUT NOT REQUIRED", unrequired), ("LEFT OUT", others)):
        if left_out:
            cells = [tuple(map(_printable, row)) for row in left_out]
            tables.append(plain_table((header, "PLACE", "RULE"), cells))
    return tables


def _unrequired(record: RequirementRecord) -> list[LeftOut]:
    return [one for one in record.left_out if one.distribution]


def _printable(text: str) -> str:
    """The text without anything that a terminal would obey; a bundle may come from anybody."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
