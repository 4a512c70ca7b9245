"""`bentoml token`: a new token for a server, and what stands for it in the configuration."""

from __future__ import annotations

import json

import click

from bentoml.cli.options import bento_command


@bento_command("token", short_help="Make a token that lets its holder use a server.")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", help="How to print them.  [text]")
def token_command(output: str) -> None:
    """Print a new random token, and its digest for bento_server.auth in the configuration.

    Nothing is stored: keep the token where its user finds it, it cannot be found out from the digest.
    """
    from bentoml.server.options.tokens import digest_of, new_token

    token = new_token()
    if output == "json":
        click.echo(json.dumps({"token": token, "digest": digest_of(token)}, indent=2))
    else:
        click.echo(f"token:  {token}\ndigest: {digest_of(token)}")
