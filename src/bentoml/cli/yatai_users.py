"""`bentoml yatai user`: users of a registry."""

from __future__ import annotations

import getpass
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bentoml.cli.options import bento_command
from bentoml.cli.plain_table import plain_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.configuration import Config
    from bentoml.yatai.database import Database
    from bentoml.yatai.server.accounts import User

F = TypeVar("F", bound="Callable[..., Any]")

ROLES = ("read", "write", "admin")


def database_option(function: F) -> F:
    """Add `--db-url`."""
    return click.option(
        "--db-url",
        metavar="URL",
        envvar="BENTOML_DB_URL",
        show_envvar=True,
        help="Database of the registry.  [configured, else sqlite:///$BENTOML_HOME/storage.db]",
    )(function)


def output_option(function: F) -> F:
    """Add `-o/--output` for JSON or a table."""
    return click.option(
        "-o", "--output", type=click.Choice(("table", "json")), default="table", help="How to print them.  [table]"
    )(function)


def patterns_option(function: F) -> F:
    """Add `--name`, which arrives as `patterns`."""
    return click.option(
        "--name", "patterns", multiple=True, metavar="PATTERN", help="Bundles that count, such as team-*; repeatable."
    )(function)


def password_option(function: F) -> F:
    """Add `--password` and `--password-stdin`."""
    asked = click.option("--password", "asks", is_flag=True, help="Ask for a password, for the web pages.")
    read = click.option("--password-stdin", "reads", is_flag=True, help="Read the password from standard input.")
    return asked(read(function))


def opened(db_url: str | None) -> Database:
    """The database of the registry that is configured, or another one."""
    from bentoml.yatai.client import open_database

    return open_database(config_with(db_url))


def config_with(db_url: str | None) -> Config:
    """The configuration, with another database if one is named."""
    from bentoml.configuration import get_config

    config = get_config()
    if db_url is None:
        return config
    return config.changed(yatai=config.yatai.changed(database=config.yatai.database.changed(url=db_url)))


def operator() -> str:
    """Who types: the user of the system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _password(*, asks: bool, reads: bool) -> str | None:
    if reads:
        return sys.stdin.readline().rstrip("\r\n")
    if asks:
        text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return text
    return None


@bento_command("add", short_help="Make a user.")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="read", help="What the user may do.  [read]")
@patterns_option
@password_option
@database_option
def add_user_command(
    name: str, role: str, patterns: tuple[str, ...], asks: bool, reads: bool, db_url: str | None
) -> None:
    """Make the user NAME of a registry. Without a password the user works with tokens alone."""
    from bentoml.yatai.server.accounts import Accounts
    from bentoml.yatai.server.roles import EVERY_NAME, Role, Scope

    scope = Scope(Role.parse(role), patterns or EVERY_NAME)
    Accounts(opened(db_url)).add(name, scope, _password(asks=asks, reads=reads), actor=operator())
    click.echo(f"User {name} is made. A token for programs: bentoml yatai token add {name} --label LABEL")


@bento_command("list", short_help="List the users.")
@output_option
@database_option
def list_users_command(output: str, db_url: str | None) -> None:
    """List the users of a registry."""
    from bentoml.yatai.server.accounts import Accounts

    users = Accounts(opened(db_url)).list_users()
    if output == "json":
        click.echo(json.dumps([_document(user) for user in users], indent=2))
        return
    rows = [
        [
            user.name,
            user.scope.role.text,
            ",".join(user.scope.patterns),
            "yes" if user.has_password else "no",
            "disabled" if user.disabled else "active",
        ]
        for user in users
    ]
    click.echo(plain_table(("USER", "ROLE", "NAMES", "PASSWORD", "STATE"), rows))


@bento_command("change", short_help="Change a user.")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="What the user may do.")
@patterns_option
@password_option
@click.option("--disable/--enable", "disabled", default=None, help="Shut the user out, or let the user in again.")
@database_option
def change_user_command(
    name: str,
    role: str | None,
    patterns: tuple[str, ...],
    asks: bool,
    reads: bool,
    disabled: bool | None,
    db_url: str | None,
) -> None:
    """Change what is given of the user NAME."""
    from bentoml.yatai.server.accounts import Accounts
    from bentoml.yatai.server.roles import Role

    Accounts(opened(db_url)).change(
        name,
        actor=operator(),
        role=None if role is None else Role.parse(role),
        patterns=patterns or None,
        password=_password(asks=asks, reads=reads),
        disabled=disabled,
    )
    click.echo(f"User {name} is changed.")


@bento_command("revoke", short_help="Remove a user, with all tokens.")
@click.argument("name")
@database_option
def revoke_user_command(name: str, db_url: str | None) -> None:
    """Remove the user NAME, with all tokens and sessions."""
    from bentoml.yatai.server.accounts import Accounts

    Accounts(opened(db_url)).remove(name, actor=operator())
    click.echo(f"User {name} is removed.")


def _document(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.scope.role.text,
        "patterns": list(user.scope.patterns),
        "has_password": user.has_password,
        "disabled": user.disabled,
        "created_at": user.created_at.isoformat(),
    }
