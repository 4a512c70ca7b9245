"""`--isolated`: a command goes on inside of the bundle's own environment, with the library that the bundle carries."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from bentoml.cli.command import BentoCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.cli.command import Verbosity

F = TypeVar("F", bound="Callable[..., Any]")

_WORDS = "bentoml.cli.words"
_FLAG = "--isolated"
_WITH_VALUE = "--isolated-python"


class IsolatableCommand(BentoCommand):
    """A command that can go on elsewhere; it remembers the words that the user has typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words before click takes them apart."""
        self.keep_words(ctx, args)
        return super().parse_args(ctx, args)

    def keep_words(self, ctx: click.Context, args: list[str]) -> None:
        """Remember what was typed, as it was the first time."""
        ctx.meta.setdefault(_WORDS, list(args))


def isolation_options(function: F) -> F:
    """Add `--isolated` and `--isolated-python`."""
    python = click.option(
        _WITH_VALUE, "isolated_python", metavar="VERSION|PATH",
        help="Python of that environment.  [the version that saved the bundle]",
    )  # fmt: skip
    return click.option(_FLAG, is_flag=True, help="Run in the bundle's own environment; made when it is not there.")(
        python(function)
    )


def go_on_isolated(
    ctx: click.Context, verbosity: Verbosity, bento: str, yatai_url: str | None, python: str | None, *, verify: bool
) -> NoReturn:
    """Let the same command, with the words that the user has typed, take the place of this process.

    Args:
        ctx: of the command.
        verbosity: how much the user wants to see while an environment is made.
        bento: the bundle as the user has named it.
        yatai_url: registry to look it up in.
        python: version or path of the Python for the environment; None is that of the bundle.
        verify: compare the files of the bundle with their digests before.

    Raises:
        BentoMLException: as `create_environment`.
    """
    from bentoml.cli.environment_creation import made
    from bentoml.deploy.environment import EnvironmentOptions, command_in
    from bentoml.saved_bundle.remote import leave_copies_to_successor
    from bentoml.storage.address import is_address
    from bentoml.yatai.resolve import resolve_bundle_path

    bundle = resolve_bundle_path(bento, yatai_url)
    descriptor = None
    while descriptor is None:  # it may be deleted before it is held
        environment = made(bundle, EnvironmentOptions(python=python, verify=verify), quiet=verbosity.quiet)
        descriptor = environment.home.hold()
    words = _without_own(ctx.meta[_WORDS])
    if not any(parameter.name == "bento" for parameter in ctx.command.params):
        words.insert(0, str(bundle))
    elif is_address(bento):
        # What was checked is what is used; an older library may know no addresses, too.
        words[words.index(bento)] = str(bundle)
        leave_copies_to_successor()
    argv, variables = command_in(environment.home, [str(ctx.info_name), *words], os.environ)
    os.set_inheritable(descriptor, True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], argv, variables)  # noqa: S606 - the whole point: signals and exit codes are those of the server


def _without_own(words: Sequence[str]) -> list[str]:
    """The words without our own options, which an older library in the environment may not know."""
    kept: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            return [*kept, word, *left]
        if word == _WITH_VALUE:
            next(left, None)
        elif word != _FLAG and not word.startswith(f"{_WITH_VALUE}="):
            kept.append(word)
    return kept
