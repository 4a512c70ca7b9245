"""Modules of a bundle, kept apart from those of the process and of other bundles.

A bundle is imported under the dotted names its modules had when it was saved. Those names may be taken: by the user's
own project, or by another version of the same service. So every loaded bundle keeps its modules in a dict of its own.

While code of a bundle is being imported, or its artifacts are read, the bundle is *active*: its modules stand in
`sys.modules` in place of whatever has their names, and a finder in front of `sys.meta_path` looks in the bundle's
directory. Unpickling, `dataclasses` and `importlib.import_module` then find what they expect. Afterwards everything is
put back.

Imports that run later, inside functions, reach the bundle through an `__import__` of its own (`late_imports`): each of
its modules is executed with a `__builtins__` dict that holds it. A module that was imported already comes straight from
the bundle's dict, without any lock.

One bundle is active at a time. Threads that work for it share it; threads that need another bundle wait. What cannot be
kept apart: another thread that, during these moments, imports the user's own module of the very same name from
`sys.modules` sees the bundle's.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections import Counter
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.saved_bundle.code.late_imports import LateImports
from bentoml.saved_bundle.code.module_finder import BundleFinder, forget_directories, top_level_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

    from bentoml.saved_bundle.verified_files import VerifiedFiles


@dataclass
class _Activation:
    """A bundle that is active, the threads that work for it, and the modules it stands in front of."""

    modules: BundleModules
    displaced: dict[str, ModuleType] = field(default_factory=dict)
    threads: Counter[int] = field(default_factory=Counter)

    def resume(self) -> None:
        self.displaced = self.modules._swap_in()

    def suspend(self) -> None:
        self.modules._swap_out(self.displaced)


_MODULES_ATTRIBUTE = "_bento_service_modules"
_changed = threading.Condition()
_active: list[_Activation] = []
_importing = threading.local()


def bundle_being_imported() -> Path | None:
    """Directory of the bundle whose service module this thread is importing, or None.

    A script that was saved as a service may save again when it is imported from the bundle; this tells.
    """
    stack: list[Path] = getattr(_importing, "stack", [])
    return stack[-1] if stack else None


def bundle_in_reach(service_class: type) -> AbstractContextManager[None]:
    """Activate the bundle that a class was loaded from; does nothing for a class that was not."""
    modules: BundleModules | None = getattr(service_class, _MODULES_ATTRIBUTE, None)
    return nullcontext() if modules is None else modules.activated()


class BundleModules:
    """The modules of one loaded bundle.

    Args:
        bundle_path: directory of the bundle.
        roots: directories and zip archives in which top-level modules are searched, in this order.
        files: those that were compared with their digests; what is imported has to be one of them. None imports what
            is there.
    """

    def __init__(self, bundle_path: Path, roots: Sequence[Path], files: VerifiedFiles | None = None) -> None:
        self.bundle_path = bundle_path
        self._roots = [str(root.resolve()) for root in roots]
        self._names = frozenset[str]().union(*(top_level_names(Path(root)) for root in self._roots))
        self._modules: dict[str, ModuleType] = {}
        self._visible: dict[str, bool] | None = None
        self._finder = BundleFinder(self._roots, LateImports(self).builtins(), self._serves_name, files)

    def import_service_module(self, name: str) -> ModuleType:
        """Import a module of the bundle by its dotted name, and with it whatever it imports.

        Raises:
            ImportError: it, or something it needs, cannot be found.
        """
        # Its name is the bundle's even when its file is gone: a module of the user's must not take its place.
        self._names |= {name.partition(".")[0]}
        stack: list[Path] = _importing.__dict__.setdefault("stack", [])
        stack.append(self.bundle_path)
        try:
            with self.activated():
                return importlib.import_module(name)
        finally:
            stack.pop()

    def bind(self, service_class: type) -> None:
        """Remember on a class that these are its modules; see `bundle_in_reach`."""
        type.__setattr__(service_class, _MODULES_ATTRIBUTE, self)

    def owns(self, name: str) -> bool:
        """Whether a dotted module name belongs to the bundle."""
        return name.partition(".")[0] in self._names

    def publish(self) -> None:
        """Leave the modules in `sys.modules` where nothing else has their names, or could have.

        Objects of their classes can then be pickled. Nothing of the user's is hidden by it: a name that the process
        could import by itself is left alone.
        """
        # The user's files may be newer than what the finders remember of their directories.
        forget_directories()
        with self.activated():
            if self._visible is None:
                self._visible = {}

    @contextmanager
    def activated(self) -> Iterator[None]:
        """Let the imports of this thread find the bundle's modules for the length of the block."""
        thread = threading.get_ident()
        with _changed:
            _changed.wait_for(lambda: self._may_enter(thread))
            if not _active or _active[-1].modules is not self:
                if _active:
                    _active[-1].suspend()
                _active.append(_Activation(self))
                _active[-1].resume()
            _active[-1].threads[thread] += 1
        try:
            yield
        finally:
            with _changed:
                self._leave(thread)
                _changed.notify_all()

    def _may_enter(self, thread: int) -> bool:
        return not _active or _active[-1].modules is self or thread in _active[-1].threads

    def _leave(self, thread: int) -> None:
        activation = next(one for one in reversed(_active) if one.modules is self and thread in one.threads)
        activation.threads -= Counter({thread: 1})
        while _active and not _active[-1].threads:
            _active.pop().suspend()
            if _active:
                _active[-1].resume()

    def _serves_name(self, name: str) -> bool:
        """Whether this bundle answers when the calling thread imports a module of that name."""
        is_active = bool(_active) and _active[-1].modules is self and threading.get_ident() in _active[-1].threads
        return is_active and self.owns(name)

    def _swap_in(self) -> dict[str, ModuleType]:
        displaced = {name: sys.modules.pop(name) for name in list(sys.modules) if self.owns(name)}
        sys.modules.update(self._modules)
        sys.meta_path.insert(0, self._finder)
        return displaced

    def _swap_out(self, displaced: Mapping[str, ModuleType]) -> None:
        self._collect()
        for name, module in self._modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        sys.modules.update(displaced)
        sys.meta_path.remove(self._finder)
        if self._visible is not None:
            self._show(self._visible)

    def _collect(self) -> None:
        """Take over what was imported since the bundle became active."""
        for name, module in list(sys.modules.items()):
            if self.owns(name) and self._finder.made(name, module):
                self._modules[name] = module

    def _show(self, visible: dict[str, bool]) -> None:
        for name, module in self._modules.items():
            top = name.partition(".")[0]
            if top not in visible:
                visible[top] = top not in sys.modules and not _can_be_imported(top)
            if visible[top] and sys.modules.get(top, self._modules.get(top)) is self._modules.get(top):
                sys.modules[name] = module

    def finished(self, name: str) -> ModuleType | None:
        """A module of the bundle that was imported completely; None when it was not."""
        module = self._modules.get(name)
        return None if getattr(getattr(module, "__spec__", None), "_initializing", False) else module


def _can_be_imported(top: str) -> bool:
    """Whether the process would find a module of that name, without importing it."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        # A finder that fails would fail for the user too, with its own message: leave the name to it.
        return True
    if spec is None:
        return False
    if spec.has_location or spec.submodule_search_locations is None:
        return True
    # To Python every directory is a namespace package; one with data only is nothing that anyone meant to import.
    places = [Path(location) for location in spec.submodule_search_locations]
    return any(next(place.glob(pattern), None) for place in places for pattern in ("*.py", "*/*.py"))
