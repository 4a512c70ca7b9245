"""`--isolated`: a command goes on inside of the bundle's own environment, with the library that the bundle carries."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from bentoml.cli.command import BentoCommand
from bentoml.cli.environment_options import without_isolation

if TYPE_CHECKING:
    import click

    from bentoml.cli.command import Verbosity
    from bentoml.deploy.environment import EnvironmentOptions

_WORDS = "bentoml.cli.words"


class IsolatableCommand(BentoCommand):
    """A command that can go on elsewhere; it remembers the words that the user has typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words before click takes them apart."""
        self.keep_words(ctx, args)
        return super().parse_args(ctx, args)

    def keep_words(self, ctx: click.Context, args: list[str]) -> None:
        """Remember what was typed, as it was the first time."""
        ctx.meta.setdefault(_WORDS, list(args))


def go_on_isolated(
    ctx: click.Context, verbosity: Verbosity, bento: str, yatai_url: str | None, options: EnvironmentOptions
) -> NoReturn:
    """Let the same command, with the words that the user has typed, take the place of this process.

    Args:
        ctx: of the command.
        verbosity: how much the user wants to see while an environment is made.
        bento: the bundle as the user has named it.
        yatai_url: registry to look it up in.
        options: how the environment is made.

    Raises:
        BentoMLException: as `create_environment`.
    """
    from bentoml.cli.environment_creation import made
    from bentoml.cli.resolving import bundle_path
    from bentoml.deploy.environment import command_in
    from bentoml.saved_bundle.remote import leave_copies_to_successor
    from bentoml.storage.address import is_address
    from bentoml.yatai.resolve import is_held, leave_held_to_successor

    bundle = bundle_path(bento, yatai_url)
    descriptor = None
    while descriptor is None:  # it may be deleted before it is held
        environment = made(bundle, options, quiet=verbosity.quiet)
        descriptor = environment.home.hold()
    # An older library may know no addresses and no remote registries; and what was checked is what is used.
    is_fetched = is_address(bento) or is_held(bundle)
    words = without_isolation(ctx.meta[_WORDS], *(["--yatai-url"] if is_fetched else []))
    if not any(parameter.name == "bento" for parameter in ctx.command.params):
        words.insert(0, str(bundle))
    elif is_fetched:
        words[words.index(bento)] = str(bundle)
        leave_copies_to_successor()
        leave_held_to_successor()
    argv, variables = command_in(environment, [str(ctx.info_name), *words], os.environ)
    os.set_inheritable(descriptor, True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], argv, variables)  # noqa: S606 - the whole point: signals and exit codes are those of the server
