"""Imports that code of a bundle makes by itself, at any time: `import` statements and `importlib.import_module`."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.saved_bundle.code.modules import BundleModules


class LateImports:
    """Answers imports with the modules of one bundle, where it has them, and leaves all others alone.

    Args:
        modules: the modules of the bundle.
    """

    def __init__(self, modules: BundleModules) -> None:
        self._modules = modules
        self._importlib = _Importlib(self)

    def builtins(self) -> dict[str, Any]:
        """The `__builtins__` with which the bundle's modules are executed."""
        return {**vars(builtins), "__import__": self.import_statement}

    def import_statement(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - the signature of __import__
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """The `__import__` of the bundle's modules."""
        absolute = _absolute(name, globals, level)
        if self._modules.owns(absolute):
            module = self._imported_already(absolute, fromlist or ())
            if module is not None:
                return module
            with self._modules.activated():
                return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = builtins.__import__(name, globals, locals, fromlist or (), level)
        return self._importlib if module is importlib else module

    def import_module(self, name: str, package: str | None = None) -> ModuleType:
        """The `importlib.import_module` of the bundle's modules."""
        absolute = importlib.util.resolve_name(name, package) if name.startswith(".") else name
        if not self._modules.owns(absolute):
            return importlib.import_module(absolute)
        module = self._modules.finished(absolute)
        if module is not None:
            return module
        with self._modules.activated():
            return importlib.import_module(absolute)

    def _imported_already(self, absolute: str, fromlist: Sequence[str]) -> ModuleType | None:
        """What an import statement gets, when all it needs is there; None when something has to be imported."""
        module = self._modules.finished(absolute)
        if module is None:
            return None
        if not fromlist:
            return self._modules.finished(absolute.partition(".")[0])
        if all(item != "*" and hasattr(module, item) for item in fromlist):
            return module
        return None


class _Importlib(ModuleType):
    """What code of a bundle gets as `importlib`: the real one with an `import_module` of its own."""

    def __init__(self, imports: LateImports) -> None:
        super().__init__(importlib.__name__, importlib.__doc__)
        self.__dict__.update(vars(importlib), import_module=imports.import_module)

    def __getattr__(self, name: str) -> Any:
        # Submodules become attributes of the real one when they are imported.
        return getattr(importlib, name)


def _absolute(name: str, globals_: Mapping[str, Any] | None, level: int) -> str:
    if level == 0:
        return name
    package = (globals_ or {}).get("__package__") or ""
    base = package.rsplit(".", level - 1)[0]
    return f"{base}.{name}" if name else base
