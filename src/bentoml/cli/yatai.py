"""`bentoml yatai`: what those do who look after a registry, on its own database."""

from __future__ import annotations

import click

from bentoml.cli.lazy_group import CommandEntry, LazyGroup

USER_COMMANDS = (
    CommandEntry("add", "bentoml.cli.yatai_users:add_user_command", "Make a user."),
    CommandEntry("list", "bentoml.cli.yatai_users:list_users_command", "List the users."),
    CommandEntry(
        "change", "bentoml.cli.yatai_users:change_user_command", "Change what a user may do, or the password."
    ),
    CommandEntry("revoke", "bentoml.cli.yatai_users:revoke_user_command", "Remove a user, with all tokens."),
)
TOKEN_COMMANDS = (
    CommandEntry("add", "bentoml.cli.yatai_tokens:add_token_command", "Make a token for a user."),
    CommandEntry("list", "bentoml.cli.yatai_tokens:list_tokens_command", "List tokens."),
    CommandEntry("revoke", "bentoml.cli.yatai_tokens:revoke_token_command", "Make a token useless."),
)
COMMANDS = (
    CommandEntry("user", "bentoml.cli.yatai:user_group", "Look after users."),
    CommandEntry("token", "bentoml.cli.yatai:token_group", "Look after tokens."),
    CommandEntry("check", "bentoml.cli.yatai_upkeep:check_command", "Compare the catalog with the files."),
    CommandEntry("gc", "bentoml.cli.yatai_upkeep:gc_command", "Remove contents that no bundle needs."),
    CommandEntry(
        "manifests", "bentoml.cli.yatai_manifests:manifests_command", "Write what runs a registry in containers."
    ),
)


@click.group(
    name="yatai",
    cls=LazyGroup,
    entries=COMMANDS,
    short_help="Look after a registry: users, tokens and files.",
)
def yatai_command() -> None:
    """Look after a registry, on the machine that has its database; its server may run or not."""


@click.group(name="user", cls=LazyGroup, entries=USER_COMMANDS, short_help="Look after users.")
def user_group() -> None:
    """Look after the users of a registry."""


@click.group(name="token", cls=LazyGroup, entries=TOKEN_COMMANDS, short_help="Look after tokens.")
def token_group() -> None:
    """Look after the tokens by which programs say whose they are."""
