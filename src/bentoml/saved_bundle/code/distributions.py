"""Which installed distribution a module came from, as the installed metadata tells it."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from bentoml.saved_bundle.code.recorded_files import name_of, origin_of, recorded_files, recorded_modules, text_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping


def top_level_modules(distribution: importlib.metadata.Distribution) -> set[str]:
    """Names of the modules and packages that a distribution installs."""
    declared = text_of(distribution, "top_level.txt")
    return set(declared.split()) if declared and declared.strip() else recorded_modules(distribution)


def providers_of(modules: Iterable[str]) -> dict[str, list[str]]:
    """Distributions that install the top-level names of some modules.

    Those whose name or version no requirement could have, as an interrupted installation leaves them behind, do not
    count.

    Returns:
        Sorted names of distributions by top-level name.
    """
    found: dict[str, set[str]] = {module.partition(".")[0]: set() for module in modules}
    # What a `top_level.txt` forgets is in the record, which takes longer to read.
    for modules_of in (top_level_modules, recorded_modules):
        wanted = {top for top, names in found.items() if not names}
        for distribution in importlib.metadata.distributions() if wanted else ():
            tops = wanted & modules_of(distribution)
            name = name_of(distribution) if tops else None
            for top in tops if name is not None else ():
                found[top].add(str(name))
    return {top: sorted(names) for top, names in found.items()}


def distribution_of(module: str, providers: Mapping[str, list[str]], preferred: Container[str] = ()) -> str | None:
    """The distribution that installed a module.

    Of names that several share, such as `google`, it is the one that has the module's files. Where several have them,
    as `opencv-python` and `opencv-python-headless` do, it is one of the preferred ones, else the one that is called
    like the module, else the first by name.

    Args:
        module: dotted name.
        providers: what `providers_of` found.
        preferred: canonical names of distributions that are required anyway.
    """
    from packaging.utils import canonicalize_name

    names = providers.get(module.partition(".")[0], [])
    if len(names) < 2:
        return names[0] if names else None
    names = [name for name in names if _has_file_of(name, module)] or names
    wanted = canonicalize_name(module)
    return min(names, key=lambda name: (canonicalize_name(name) not in preferred, canonicalize_name(name) != wanted))


def _has_file_of(distribution: str, module: str) -> bool:
    base = module.replace(".", "/")
    for file in recorded_files(importlib.metadata.distribution(distribution)):
        path = file.as_posix()
        # `base.py`, `base/__init__.py`, or a compiled `base.cpython-312-x86_64-linux-gnu.so`.
        if path == f"{base}/__init__.py" or (path.startswith(f"{base}.") and "/" not in path[len(base) :]):
            return True
    return False


def reference_of(distribution: str) -> tuple[str | None, str | None]:
    """Where a distribution was installed from, when that was no index (PEP 610).

    Returns:
        A reference with which pip can install the same again; and the directory or file of this machine that it came
        from, which pip can not. Both None for what came from an index.
    """
    origin = origin_of(importlib.metadata.distribution(distribution))
    url = str(origin.get("url", ""))
    if not url or not url.isprintable() or " " in url:
        return None, None
    if url.startswith("file:"):
        return None, url
    vcs = origin.get("vcs_info")
    if isinstance(vcs, dict):
        url = f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    subdirectory = origin.get("subdirectory")
    return f"{distribution} @ {url}{f'#subdirectory={subdirectory}' if subdirectory else ''}", None
