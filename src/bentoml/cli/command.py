"""What every command has: the common options, the log set-up, and the one door where errors become text."""

from __future__ import annotations

import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from bentoml.exceptions import BentoMLException, BundleIntegrityException

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class Verbosity:
    """How much the user wants to see. Commands receive it with `@click.pass_obj`."""

    quiet: bool
    """Print the result only."""
    debug: bool
    """Log at DEBUG and show the traceback of a failure."""


class CommandFailed(click.ClickException):
    """A command that could not do its work; click prints it and exits 1."""

    def __init__(self, command_name: str, error: Exception, *, debug: bool) -> None:
        super().__init__(f"bentoml-cli {command_name} failed: {_describe(error, debug=debug)}")
        self.error = error
        self.debug = debug

    def show(self, file: Any = None) -> None:
        """Print the message in red on stderr, after the traceback when debugging."""
        if self.debug:
            click.echo("".join(traceback.format_exception(self.error)), file=file, err=True, nl=False)
        click.secho(f"Error: {self.format_message()}", fg="red", file=file, err=True)


def _describe(error: Exception, *, debug: bool) -> str:
    if isinstance(error, BundleIntegrityException) and "without verification" in str(error):
        return f"{error} (with --no-verify)"
    # The classic API, label queries among it, raises AssertionError for some wrong arguments.
    if isinstance(error, (BentoMLException, AssertionError)) and str(error):
        return str(error)
    hint = "" if debug else " (run again with --debug for the traceback)"
    return f"{type(error).__name__}: {error}{hint}"


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(["-q", "--quiet"], is_flag=True, help="Print the result only; log errors only."),
        click.Option(["--verbose", "--debug", "debug"], is_flag=True, help="Log more; show tracebacks."),
        click.Option(
            ["--do-not-track"],
            is_flag=True,
            envvar="BENTOML_DO_NOT_TRACK",
            help="Accepted for compatibility: nothing is ever tracked.",
        ),
    ]


class BentoCommand(click.Command):
    """A command with the common options. Whatever it raises ends as one sentence on stderr and exit status 1."""

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **kwargs: Any) -> None:
        super().__init__(name, params=[*(params or []), *_common_options()], **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Set up logging, run the callback, translate its errors."""
        del ctx.params["do_not_track"]
        verbosity = Verbosity(quiet=ctx.params.pop("quiet"), debug=ctx.params.pop("debug"))
        try:
            verbosity = _with_environment(verbosity)
            ctx.obj = verbosity
            with self.output_of(verbosity):
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            raise CommandFailed(_words_of(ctx) or self.name or "", error, debug=verbosity.debug) from error

    def output_of(self, verbosity: Verbosity) -> AbstractContextManager[None]:
        """Log and warn as much as was asked for, while the command runs."""
        return _output_of(verbosity)


def _words_of(ctx: click.Context) -> str:
    """What the user typed to get to a command, without the name of the program."""
    words: list[str] = []
    current: click.Context | None = ctx
    while current is not None and current.parent is not None:
        words.insert(0, current.info_name or "")
        current = current.parent
    return " ".join(words)


def _with_environment(verbosity: Verbosity) -> Verbosity:
    from bentoml.configuration import is_debug

    return Verbosity(quiet=verbosity.quiet, debug=verbosity.debug or is_debug())


@contextmanager
def _output_of(verbosity: Verbosity) -> Iterator[None]:
    """Log and warn as much as was asked for."""
    from bentoml._util.logs import configure_logging

    if verbosity.debug:
        configure_logging("DEBUG")
    elif verbosity.quiet:
        # Stdout is kept for the result, whatever goes wrong.
        configure_logging("ERROR", console_stream="stderr", console_copies=False)
    else:
        configure_logging()
    with warnings.catch_warnings():
        if verbosity.quiet:
            warnings.simplefilter("ignore")
        yield
