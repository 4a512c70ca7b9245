"""How a command of this library is run inside of an environment, and whether another bundle can run there, too."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.deploy.environment.installers import FROM_OUTSIDE
from bentoml.deploy.environment.wanted import read_wanted
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.manifest import read_manifest
from bentoml.saved_bundle.requirements.lock import machine_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.deploy.environment.build import Environment

# Tells the process inside what is installed there.
_NEEDS = "BENTOML_ISOLATED_NEEDS"


def command_in(
    environment: Environment, words: Sequence[str], environ: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command line and all variables with which the environment's own library does something.

    Args:
        environment: the environment.
        words: the command and its arguments, without `bentoml`.
        environ: the variables of the user; those that lead out of the environment are left out.

    Returns:
        Arguments, the first of which is the program; and the variables.
    """
    home = environment.home
    programs = str(home.python.parent)
    path = os.pathsep.join([programs, *filter(None, [environ.get("PATH")])])
    variables = {name: value for name, value in environ.items() if name not in FROM_OUTSIDE}
    # With the last one Python 3.11 and newer do not import what lies in the working directory.
    variables |= {"VIRTUAL_ENV": str(home.path), "PATH": path, "PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"}
    variables[_NEEDS] = environment.needs
    return [str(home.python), "-m", "bentoml", *words], variables


def refuse_other_needs(bundle_path: Path, environ: Mapping[str, str]) -> None:
    """Refuse a bundle that wants other packages than the one whose environment this process runs in.

    Nothing happens in a process that `command_in` has not started.

    Args:
        bundle_path: directory of the bundle that is to take the place of the first.
        environ: the variables of this process.

    Raises:
        BentoMLException: it does, or it is no bundle that can have an environment.
    """
    needs = environ.get(_NEEDS)
    if needs is None:
        return
    with tempfile.TemporaryDirectory(prefix="bentoml-environment-") as scratch:
        wanted = read_wanted(bundle_path, read_manifest(bundle_path), Path(scratch), machine_name())
    if wanted.digest != needs:
        raise BentoMLException(
            f"{bundle_path} needs other packages than this server has in its environment; stop it, and start it again "
            "with --isolated"
        )
