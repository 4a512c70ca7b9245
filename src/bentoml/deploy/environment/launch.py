"""How a command of this library is run inside of an environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bentoml.deploy.environment.installers import FROM_OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.deploy.environment.store import EnvironmentHome


def command_in(
    home: EnvironmentHome, words: Sequence[str], environ: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command line and all variables with which the environment's own library does something.

    Args:
        home: the environment.
        words: the command and its arguments, without `bentoml`.
        environ: the variables of the user; those that lead out of the environment are left out.

    Returns:
        Arguments, the first of which is the program; and the variables.
    """
    programs = str(home.python.parent)
    path = os.pathsep.join([programs, *filter(None, [environ.get("PATH")])])
    variables = {name: value for name, value in environ.items() if name not in FROM_OUTSIDE}
    # With the last one Python 3.11 and newer do not import what lies in the working directory.
    variables |= {"VIRTUAL_ENV": str(home.path), "PATH": path, "PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"}
    return [str(home.python), "-m", "bentoml", *words], variables
