"""Which installed distribution a module came from, as the installed metadata tells it."""

from __future__ import annotations

import importlib.metadata
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def top_level_modules(distribution: importlib.metadata.Distribution) -> set[str]:
    """Names of the modules and packages that a distribution installs."""
    declared = distribution.read_text("top_level.txt")
    if declared:
        return set(declared.split())
    names = set()
    for file in distribution.files or ():
        name = file.parts[0] if len(file.parts) > 1 else inspect.getmodulename(file.name)
        if name and name.isidentifier():
            names.add(name)
    return names


def providers_of(modules: Iterable[str]) -> dict[str, list[str]]:
    """Distributions that install the top-level names of some modules.

    Returns:
        Sorted names of distributions by top-level name.
    """
    wanted = {module.partition(".")[0] for module in modules}
    found: dict[str, set[str]] = {name: set() for name in wanted}
    for distribution in importlib.metadata.distributions() if wanted else ():
        metadata = distribution.metadata
        # What an interrupted installation left behind has no name.
        if "Name" in metadata:
            for top in wanted & top_level_modules(distribution):
                found[top].add(metadata["Name"])
    return {top: sorted(names) for top, names in found.items()}


def distribution_of(module: str, providers: Mapping[str, list[str]]) -> str | None:
    """The distribution that installed a module; for names that several share, the one that has its files.

    Args:
        module: dotted name.
        providers: what `providers_of` found.
    """
    names = providers.get(module.partition(".")[0], [])
    if len(names) < 2:
        return names[0] if names else None
    base = module.replace(".", "/")
    for name in names:
        for file in importlib.metadata.files(name) or ():
            path = file.as_posix()
            # `base.py`, `base/__init__.py`, or a compiled `base.cpython-312-x86_64-linux-gnu.so`.
            if path == f"{base}/__init__.py" or (path.startswith(f"{base}.") and "/" not in path[len(base) :]):
                return name
    return names[0]
