"""The imports that a source file states, read from its syntax tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from bentoml.exceptions import BentoMLException


@dataclass(frozen=True)
class ImportedName:
    """One import.

    Attributes:
        name: absolute dotted name of the module.
        attributes: names taken from it with `from ... import`; each may be a submodule.
        star: whether it is `from ... import *`.
        optional: whether the code goes on without it: it stands in a `try` that catches ImportError, or is looked up
            by name at run time.
        place: file and line, for messages.
    """

    name: str
    place: str
    attributes: tuple[str, ...] = ()
    star: bool = False
    optional: bool = False


def read_imports(source: bytes, place: str, module_name: str, *, is_package: bool) -> list[ImportedName]:
    """The imports of one file, in order, without those that only type checkers see.

    Args:
        source: content of the file.
        place: its path, for messages.
        module_name: dotted name of the module, from which relative imports count.
        is_package: whether the file is the `__init__.py` of a package.

    Raises:
        BentoMLException: it is not Python.
    """
    try:
        tree = ast.parse(source, filename=place)
    except (SyntaxError, ValueError) as error:
        raise BentoMLException(f"{place} is imported by the service but cannot be parsed: {error}") from error
    package = module_name if is_package else module_name.rpartition(".")[0]
    reader = _Reader(place, package)
    reader.visit(tree)
    return reader.found


def public_names(source: bytes) -> list[str]:
    """The names in a literal `__all__` of a module."""
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            value = getattr(node, "value", None)
            names.extend(
                item.value
                for item in getattr(value, "elts", [])
                if isinstance(item, ast.Constant) and isinstance(item.value, str)
            )
    return names


class _Reader(ast.NodeVisitor):
    """Collects imports in the order of the file."""

    def __init__(self, place: str, package: str) -> None:
        self.found: list[ImportedName] = []
        self._place = place
        self._package = package
        self._optional = False

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            parts = self._package.split(".") if self._package else []
            if node.level > len(parts):
                return
            base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
        names = tuple(alias.name for alias in node.names if alias.name != "*")
        self._add(node, base, names, star=any(alias.name == "*" for alias in node.names))

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in {"import_module", "__import__"} and node.args and isinstance(node.args[0], ast.Constant):
            value = node.args[0].value
            if isinstance(value, str) and value and not value.startswith("."):
                self._add(node, value, optional=True)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if not _is_type_checking(node.test):
            self.generic_visit(node)
            return
        for statement in node.orelse:
            self.visit(statement)

    def visit_Try(self, node: ast.Try) -> None:
        outer = self._optional
        self._optional = outer or any(_catches_import_error(handler) for handler in node.handlers)
        for statement in node.body:
            self.visit(statement)
        # What a handler imports instead is just as optional: one of the two is there.
        for handler in node.handlers:
            self.visit(handler)
        self._optional = outer
        for statement in [*node.orelse, *node.finalbody]:
            self.visit(statement)

    def _add(
        self, node: ast.AST, name: str, attributes: tuple[str, ...] = (), *, star: bool = False, optional: bool = False
    ) -> None:
        place = f"{self._place}:{getattr(node, 'lineno', 0)}"
        self.found.append(ImportedName(name, place, attributes, star, self._optional or optional))


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {getattr(item, "id", getattr(item, "attr", "")) for item in caught}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
