"""Libraries that only some features need."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from typing import TYPE_CHECKING

from bentoml.exceptions import MissingDependencyException

if TYPE_CHECKING:
    from types import ModuleType


def require(module: str, requirement: str | None = None) -> ModuleType:
    """Import a library that is not part of the base install.

    Args:
        module: dotted import name, such as `sklearn`.
        requirement: what to install, where it differs from `module`, such as `scikit-learn`.

    Raises:
        MissingDependencyException: it is not installed; the text names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A missing import inside an installed library is that library's fault and keeps its own text.
        if error.name != module.partition(".")[0] and error.name != module:
            raise
        name = requirement or module.partition(".")[0]
        raise MissingDependencyException(f"{name} is not installed; run: pip install {name}") from error


def is_installed(module: str) -> bool:
    """Whether a library can be found, without importing it.

    Args:
        module: dotted import name.
    """
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


def installed_distribution(first: str, *others: str) -> str:
    """Which one of several distributions of the same library is installed, such as `xgboost` and `xgboost-cpu`.

    Args:
        first: the usual one; the answer when none is installed.
        others: distributions that come with the same modules.
    """
    for name in (first, *others):
        try:
            importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        return name
    return first
