"""`bentoml install-completion`: let the shell complete commands and options."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from bentoml.cli.options import bento_command

SHELLS = ("bash", "zsh", "fish")


@bento_command("install-completion", short_help="Install completion for your shell.")
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--append/--overwrite", default=True, help="Add to the file, or replace it.  [append; fish always replaces]"
)
@click.pass_context
def install_completion_command(ctx: click.Context, shell: str | None, path: Path | None, append: bool) -> None:
    """Write the completion script of SHELL (found from $SHELL when left out) into PATH."""
    shell = shell or _current_shell()
    program = ctx.find_root().info_name or "bentoml"
    path = path or _default_path(shell, program)
    script = _script(ctx.find_root().command, shell, program)
    existing = path.read_text(encoding="utf-8") if append and path.exists() else ""
    if script not in existing:
        if existing and not existing.endswith("\n"):
            existing += "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(existing + script, encoding="utf-8")
    click.echo(f"{shell} completion for {program} is in {path}; start a new shell to use it")


def _current_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise click.UsageError(f"Cannot tell your shell from $SHELL; name it: {', '.join(SHELLS)}.")
    return name


def _default_path(shell: str, program: str) -> Path:
    home = Path.home()
    if shell == "fish":
        return home / ".config" / "fish" / "completions" / f"{program}.fish"
    return home / (".zshrc" if shell == "zsh" else ".bash_completion")


def _script(command: click.Command, shell: str, program: str) -> str:
    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise click.UsageError(f"No completion for {shell}.")
    # The name of the variable that click looks for when this program starts.
    variable = f"_{program}_COMPLETE".replace("-", "_").replace(".", "_").upper()
    return completion_class(command, {}, program, variable).source()
