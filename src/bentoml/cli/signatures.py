"""`bentoml sign` and `bentoml verify`: who made a bundle, and that it has not changed since."""

from __future__ import annotations

from pathlib import Path

import click

from bentoml.cli.options import bento_argument, bento_command
from bentoml.exceptions import CLIException

_KEY_FILE = click.Path(dir_okay=False, path_type=Path)


@bento_command("sign", short_help="Sign a bundle with a private key.")
@bento_argument
@click.option("--key", required=True, type=_KEY_FILE, metavar="FILE", help="Private key: Ed25519, PEM.")
@click.option("--ask-password", is_flag=True, help="Ask for the password that the key is encrypted with.")
@click.option(
    "--password-file",
    type=_KEY_FILE,
    metavar="FILE",
    help="File with that password; a newline at its end is not part of it.",
)
def sign_command(bento: str, yatai_url: str | None, key: Path, ask_password: bool, password_file: Path | None) -> None:
    """Sign BENTO (directory, NAME:VERSION or NAME@ALIAS), so that others can tell who made it.

    The signature is written into the bundle, as SHA256SUMS.sig; one that is there already is replaced. Make a key with
    `openssl genpkey -algorithm ed25519 -out private.pem`, and give others what
    `openssl pkey -in private.pem -pubout -out public.pem` writes.
    """
    from bentoml.saved_bundle.signing import sign_bundle
    from bentoml.yatai.resolve import resolve_own_bundle

    path = resolve_own_bundle(bento, yatai_url, "sign")
    sign_bundle(path, key, _password(ask_password, password_file))
    click.echo(f"Signed {path}")


@bento_command("verify", short_help="Check who signed a bundle, and that no file has changed.")
@bento_argument
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=_KEY_FILE,
    metavar="FILE",
    help="Public key to trust: Ed25519, PEM; may be given several times.  [bundles.trusted_keys]",
)
def verify_command(bento: str, yatai_url: str | None, keys: tuple[Path, ...]) -> None:
    """Check who signed BENTO (directory, address, NAME:VERSION or NAME@ALIAS), and that it is unchanged since.

    Nothing of the bundle is run.
    """
    from bentoml.cli.resolving import bundle_path
    from bentoml.saved_bundle.signing import trusted_keys, verify_signature

    trusted = keys or trusted_keys()
    if not trusted:
        raise click.UsageError("give the public key to trust: --key public.pem, or list it in bundles.trusted_keys")
    path = bundle_path(bento, yatai_url)
    manifest, key = verify_signature(path, trusted)
    click.echo(f"{manifest.service_name}:{manifest.service_version} was signed with {key}, and is unchanged")


def _password(ask: bool, file: Path | None) -> bytes | None:
    if file is not None:
        try:
            return file.read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise CLIException(f"the password file {file} cannot be read: {error.strerror}") from error
    if ask:
        password: str = click.prompt("Password of the key", hide_input=True)
        return password.encode()
    return None
