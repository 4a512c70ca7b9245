"""`bentoml yatai token`: tokens of the users of a registry."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from bentoml.cli.options import bento_command
from bentoml.cli.plain_table import plain_table
from bentoml.cli.yatai_users import ROLES, database_option, opened, operator, output_option, patterns_option

if TYPE_CHECKING:
    from datetime import datetime

    from bentoml.yatai.server.credentials import Token


@bento_command("add", short_help="Make a token for a user.")
@click.argument("user")
@click.option("--label", default="", metavar="TEXT", help="What it is for.")
@click.option("--role", type=click.Choice(ROLES), help="The most it may do.  [what the user may do]")
@patterns_option
@click.option("--days", type=click.IntRange(min=1), help="Days that it is good for.  [for ever]")
@database_option
def add_token_command(
    user: str, label: str, role: str | None, patterns: tuple[str, ...], days: int | None, db_url: str | None
) -> None:
    """Print a new token of USER. It is shown this once: only its digest is kept."""
    from bentoml.yatai.server.accounts import Accounts
    from bentoml.yatai.server.credentials import Credentials
    from bentoml.yatai.server.roles import EVERY_NAME, Role, Scope

    database = opened(db_url)
    owner = Accounts(database).find(user)
    scope = Scope(owner.scope.role if role is None else Role.parse(role), patterns or EVERY_NAME)
    lifetime = None if days is None else timedelta(days=days)
    secret, _ = Credentials(database).add_token(owner, label, scope, actor=operator(), lifetime=lifetime)
    click.echo(secret)


@bento_command("list", short_help="List tokens.")
@click.argument("user", required=False)
@output_option
@database_option
def list_tokens_command(user: str | None, output: str, db_url: str | None) -> None:
    """List the tokens of USER, or of everybody."""
    from bentoml.yatai.server.credentials import Credentials

    found = Credentials(opened(db_url)).list_tokens(user)
    if output == "json":
        click.echo(json.dumps([_document(token) for token in found], indent=2))
        return
    rows = [
        [
            str(token.id),
            token.user,
            token.label,
            token.hint,
            token.scope.role.text,
            ",".join(token.scope.patterns),
            _text(token.last_used_at, "never"),
            "revoked" if token.revoked_at is not None else _text(token.expires_at, "never"),
        ]
        for token in found
    ]
    click.echo(plain_table(("ID", "USER", "LABEL", "TOKEN", "ROLE", "NAMES", "LAST_USED", "EXPIRES"), rows))


@bento_command("revoke", short_help="Make a token useless.")
@click.argument("token_id", type=int)
@database_option
def revoke_token_command(token_id: int, db_url: str | None) -> None:
    """Make the token TOKEN_ID useless, at once."""
    from bentoml.yatai.server.credentials import Credentials

    token = Credentials(opened(db_url)).revoke_token(token_id, actor=operator())
    click.echo(f"Token {token.id} ({token.hint}) of {token.user} is revoked.")


def _text(moment: datetime | None, else_text: str) -> str:
    return else_text if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def _document(token: Token) -> dict[str, Any]:
    times = {name: getattr(token, name) for name in ("created_at", "last_used_at", "expires_at", "revoked_at")}
    return {
        "id": token.id,
        "user": token.user,
        "label": token.label,
        "hint": token.hint,
        "role": token.scope.role.text,
        "patterns": list(token.scope.patterns),
        **{name: None if value is None else value.isoformat() for name, value in times.items()},
    }
