"""Where a service's class is defined."""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from bentoml.service import BentoService


@dataclass(frozen=True)
class ServiceModule:
    """The module that defines a service.

    Attributes:
        name: dotted name under which the bundle imports it.
        file: its source file.
        is_package: whether the class stands in the `__init__.py` of a package.
        class_name: name of the class in it.
        is_script: whether it is the script that is running.
    """

    name: str
    file: Path
    is_package: bool
    class_name: str
    is_script: bool

    @property
    def import_root(self) -> Path:
        """The directory from which its dotted name counts."""
        depth = self.name.count(".") + (1 if self.is_package else 0)
        return self.file.parents[depth]

    @property
    def bundle_path(self) -> str:
        """Path of the module in the bundle's package, with `/` between parts."""
        base = self.name.replace(".", "/")
        return f"{base}/__init__.py" if self.is_package else f"{base}.py"


def find_service_module(service_class: type[BentoService]) -> ServiceModule:
    """Find the source of a service's class.

    Raises:
        BentoMLException: the class was typed into an interpreter or a notebook, stands inside a function, or has no
            source file.
    """
    name = service_class.__name__
    module = sys.modules.get(service_class.__module__)
    file = Path(getattr(module, "__file__", None) or "")
    if service_class.__module__ == "__main__" and not file.is_file():
        raise BentoMLException(
            f"BentoService class {name} can not be defined in Python interactive REPL; write the class into a file "
            "(in a notebook: %%writefile) and import it from there"
        )
    if module is None or not file.is_file() or file.suffix != ".py":
        raise BentoMLException(
            f"the source of BentoService class {name} (module {service_class.__module__}) was not found; "
            "a service must be defined in a .py file"
        )
    if service_class.__qualname__ != name:
        raise BentoMLException(
            f"BentoService class {service_class.__qualname__} is defined inside a function or class; "
            "move it to the top level of its module, from where a saved bundle can import it"
        )
    is_script = service_class.__module__ == "__main__"
    return ServiceModule(
        name=_script_name(module, file) if is_script else service_class.__module__,
        file=file.resolve(),
        is_package=file.name == "__init__.py",
        class_name=name,
        is_script=is_script,
    )


def _script_name(module: ModuleType, file: Path) -> str:
    """`python -m package.module` knows the dotted name; a script is called as its file is."""
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.name:
        return str(spec.name)
    return re.sub(r"[^\w-]", "_", file.stem)


def unguarded_line(file: Path) -> int | None:
    """The first line of a script that packs or saves a service whenever the script is imported; None when none does."""
    for statement in ast.parse(file.read_bytes()).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or _is_main_guard(statement):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"pack", "save", "save_to_dir"}:
                return node.lineno
    return None


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def find_zip_archives(module: ServiceModule, declared: Sequence[str]) -> list[Path]:
    """The archives of `@env(zipimport_archives=...)`, whose paths count from the directory of the service's module.

    Raises:
        InvalidArgument: one of them is missing or no zip file, or two have the same name.
    """
    archives: dict[str, Path] = {}
    for text in declared:
        path = module.file.parent / Path(text).expanduser()
        if path.suffix != ".zip" or not zipfile.is_zipfile(path):
            raise InvalidArgument(f"zipimport archive {path} does not exist or is no .zip file")
        if path.name in archives:
            raise InvalidArgument(f"two zipimport archives are called {path.name}; rename one of them")
        archives[path.name] = path
    return list(archives.values())
