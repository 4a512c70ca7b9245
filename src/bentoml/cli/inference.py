"""`bentoml run`: one offline inference job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.environment_options import isolation_options, taken_isolation
from bentoml.cli.isolation import IsolatableCommand, go_on_isolated
from bentoml.cli.options import bento_argument, pickle_option, verify_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.cli.command import Verbosity


class RunCommand(IsolatableCommand):
    """Takes its own options wherever they stand and leaves every other word to the input adapter."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move our own options to the front, so that click never looks into the adapter's words."""
        self.keep_words(ctx, args)
        own, others = self._divide(ctx, args)
        return super().parse_args(ctx, [*own, "--", *others])

    def _divide(self, ctx: click.Context, args: list[str]) -> tuple[list[str], list[str]]:
        own_options = self._own_options(ctx)
        own: list[str] = []
        others: list[str] = []
        words = iter(args)
        for word in words:
            flag, has_value, _ = word.partition("=")
            if word == "--":
                others.extend(words)
            elif flag not in own_options:
                others.append(word)
            elif own_options[flag].is_flag or has_value:
                own.append(word)
            else:
                own.extend([word, _value_of(flag, words, ctx)])
        return own, others

    def _own_options(self, ctx: click.Context) -> dict[str, click.Option]:
        """Our options by each of their spellings."""
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        return {flag: option for option in options for flag in (*option.opts, *option.secondary_opts)}


def _value_of(flag: str, words: Iterator[str], ctx: click.Context) -> str:
    for word in words:
        return word
    raise click.BadOptionUsage(flag, f"Option '{flag}' requires an argument.", ctx=ctx)


@click.command("run", cls=RunCommand, short_help="Run an inference API on input from the command line.")
@bento_argument
@click.argument("api_name", metavar="API")
@click.argument("adapter_args", metavar="[ADAPTER ARGS]...", nargs=-1, type=click.UNPROCESSED)
@isolation_options
@verify_option
@pickle_option
@click.pass_obj
def run_command(
    verbosity: Verbosity,
    /,
    *,
    bento: str,
    api_name: str,
    adapter_args: tuple[str, ...],
    yatai_url: str | None,
    verify: bool,
    allow_pickle: bool | None,
    **isolation_given: Any,
) -> None:
    """Run API of BENTO (directory, address, NAME:VERSION or NAME@ALIAS) and print one result per line.

    The other words go to the input adapter of the API: --input VALUE..., --input-file FILE...,
    --max-batch-size N, -o json|str; a DataframeInput also takes --format json|csv. Inputs of several
    files take --input-NAME and --input-file-NAME; outputs of files and images take --output-dir DIR.

    With -o/--output FILE.csv|.jsonl|.parquet|.arrow all rows of large files are answered into one file:
    --input-file FILE|DIR|PATTERN..., --format csv|jsonl|parquet|arrow|file, --column NAME, --workers N,
    --chunk-rows N, --errors FILE, --fail-fast, --max-errors N, --resume, --overwrite, --report text|json.
    """
    if api_name.startswith("-"):
        raise click.UsageError("Missing argument 'API': name the API before the options of its adapter.")
    isolation = taken_isolation(isolation_given, verify=verify)
    if isolation is not None:
        go_on_isolated(click.get_current_context(), verbosity, bento, yatai_url, isolation)
    from bentoml.cli.batch_job import run_batch
    from bentoml.cli.batch_words import read_batch_words
    from bentoml.cli.progress import ProgressLine, is_wanted
    from bentoml.cli.resolving import bundle_path
    from bentoml.saved_bundle import load

    words = read_batch_words(adapter_args)
    if words is not None:
        run_batch(bundle_path(bento, yatai_url), api_name, words, verbosity, verify=verify, allow_pickle=allow_pickle)
        return
    service = load(bundle_path(bento, yatai_url), verify=verify, allow_pickle=allow_pickle)
    api = service.get_inference_api(api_name)
    line = ProgressLine(sys.stderr) if is_wanted(quiet=verbosity.quiet) else None
    try:
        exit_code = api.handle_cli(list(adapter_args), line)
    finally:
        if line is not None:
            line.close()
    click.get_current_context().exit(exit_code)
