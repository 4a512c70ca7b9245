"""The real `az` as far as it goes without Azure: it reads command lines and files, and checks them.

A program of its own, `python -m tests.deploy.azure.real_az`, that is given a list of command lines as JSON. Nothing is
sent to anybody.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from azure.cli.command_modules.resource import custom
from azure.cli.core import get_default_cli
from azure.cli.core.commands import AzCliCommandInvoker

read: list[tuple[Any, Any]] = []


class ReadOnly(AzCliCommandInvoker):  # type: ignore[misc]  # it is not in the environment of the checks
    """Does all that az does with a command line before it runs the command."""

    def _run_job(self, expanded_arg: Any, cmd_copy: Any) -> list[Any]:
        read.append((cmd_copy, expanded_arg))
        return []


def check_files(command: Any, args: Any) -> None:
    """Az takes comments out of the files of a deployment, and knows the types of parameters.

    Raises:
        AssertionError: it would send another template, or other parameters, than stand in the files.
    """
    names = ("template_file", "template_uri", "parameters", "mode", "rollback_on_error", "no_prompt")
    found = custom._prepare_deployment_properties_unmodified(
        command, "resourceGroup", **{name: getattr(args, name) for name in names}
    )
    template = Path(args.template_file)
    values = template.with_name(f"{template.stem}.parameters.json")
    assert json.loads(found.template) == json.loads(template.read_text(encoding="utf-8"))
    assert found.parameters == json.loads(values.read_text(encoding="utf-8"))["parameters"]


def main() -> None:
    """End with the error of az at the first command line that it does not take; else say how many it takes."""
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(AZURE_CONFIG_DIR=home, AZURE_CORE_COLLECT_TELEMETRY="no", AZURE_CORE_NO_COLOR="yes")
        cli = get_default_cli()
        cli.invocation_cls = ReadOnly
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            for words in json.load(sys.stdin):
                if code := cli.invoke(words, out_file=nowhere):
                    sys.exit(code)
                command, args = read[-1]
                if command.name == "deployment group create":
                    check_files(command, args)
    print(len(read))


if __name__ == "__main__":
    main()
