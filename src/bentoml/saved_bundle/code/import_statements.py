"""The imports that a source file states, read from its syntax tree."""

from __future__ import annotations

import ast
import importlib.util
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.code.import_aliases import ImportAliases
from bentoml.saved_bundle.code.import_conditions import (
    asks_for_module,
    catches_import_error,
    judge,
    suppresses_import_error,
)
from bentoml.saved_bundle.code.inference_rules import BEYOND_TOP, COMPUTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True)
class ImportedName:
    """One import.

    Attributes:
        name: absolute dotted name of the module.
        attributes: names taken from it with `from ... import`; each may be a submodule.
        star: whether it is `from ... import *`.
        optional: whether the code goes on without it: it stands in a `try` that catches ImportError, under a condition
            that asks whether it is installed, or is looked up by name at run time.
        place: file and line, for messages.
        rule: why it brings no requirement (`inference_rules`); empty when it may bring one.
        marker: the condition around it in the form of PEP 508, such as `sys_platform == "linux"`; empty without one.
        instead_of: modules that have to be missing before it is imported: those of the `try` whose handler it is in.
    """

    name: str
    place: str
    attributes: tuple[str, ...] = ()
    star: bool = False
    optional: bool = False
    rule: str = ""
    marker: str = ""
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Around:
    """What the statements around an import say about it; the fields are those of `ImportedName`."""

    optional: bool = False
    rule: str = ""
    marker: str = ""
    instead_of: tuple[str, ...] = ()


def read_imports(source: bytes, place: str, module_name: str, *, is_package: bool) -> list[ImportedName]:
    """The imports of one file, in order; those that only type checkers see, or that never run, have a `rule`.

    Args:
        source: content of the file.
        place: its path, for messages.
        module_name: dotted name of the module, from which relative imports count.
        is_package: whether the file is the `__init__.py` of a package.

    Raises:
        BentoMLException: it is not Python, or nested too deeply.
    """
    package = module_name if is_package else module_name.rpartition(".")[0]
    reader = _Reader(place, package)
    try:
        reader.visit(ast.parse(source, filename=place))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # MemoryError: nested too deeply
        why = str(error) or "it is nested too deeply"
        raise BentoMLException(f"{place} is imported by the service but cannot be parsed: {why}") from error
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
        self._around = _Around()
        self._aliases = ImportAliases()

    def visit_Import(self, node: ast.Import) -> None:
        self._aliases.learn(node)
        for alias in node.names:
            self._add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self._aliases.learn(node)
        base = node.module or ""
        if node.level:
            parts = self._package.split(".") if self._package else []
            if node.level > len(parts):
                with self._within(rule=self._around.rule or BEYOND_TOP):
                    self._add(node, ast.unparse(node)[:80])
                return
            base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
        if base == "__future__":
            return
        names = tuple(alias.name for alias in node.names if alias.name != "*")
        self._add(node, base, names, star=any(alias.name == "*" for alias in node.names))

    def visit_Call(self, node: ast.Call) -> None:
        function = self._aliases.resolved(node.func)
        called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if called in {"import_module", "__import__"}:
            arguments = {keyword.arg: keyword.value for keyword in node.keywords}
            name = node.args[0] if node.args else arguments.get("name")
            anchor = node.args[1] if len(node.args) > 1 else arguments.get("package")
            self._add_by_name(node, name, anchor if called == "import_module" else None)
        self.generic_visit(node)

    def _add_by_name(self, node: ast.Call, name: ast.expr | None, anchor: ast.expr | None) -> None:
        if isinstance(name, ast.Constant):
            module = self._resolved(name.value, anchor) if isinstance(name.value, str) else None
            if module:
                with self._within(optional=True):
                    self._add(node, module)
        elif name is not None:
            with self._within(rule=self._around.rule or COMPUTED):
                self._add(node, ast.unparse(node)[:80])

    def _resolved(self, name: str, anchor: ast.expr | None) -> str | None:
        """The absolute name that `import_module(name, anchor)` looks up; None when it cannot be told."""
        if not name.startswith("."):
            return name
        package = self._package
        if isinstance(anchor, ast.Constant) and isinstance(anchor.value, str):
            package = anchor.value
        elif not isinstance(anchor, ast.Name) or anchor.id not in {"__package__", "__name__"}:
            return None
        try:
            return importlib.util.resolve_name(name, package)
        except ImportError:
            return None

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        judged = judge(self._aliases.resolved(node.test))
        if judged is None:
            with self._within(optional=self._around.optional or asks_for_module(node.test)):
                self._visit_all(node.body)
            self._visit_all(node.orelse)
            return
        for statements, is_taken, marker in (
            (node.body, judged.holds, judged.marker),
            (node.orelse, not judged.holds, judged.negated),
        ):
            if is_taken:
                both = " and ".join(one for one in (self._around.marker, marker) if one)
                with self._within(marker=both):
                    self._visit_all(statements)
            else:
                with self._within(rule=self._around.rule or judged.rule):
                    self._visit_all(statements)

    def visit_Try(self, node: ast.Try) -> None:
        is_optional = any(catches_import_error(handler.type) for handler in node.handlers)
        first = len(self.found)
        with self._within(optional=self._around.optional or is_optional):
            self._visit_all(node.body)
        tried = tuple(one.name for one in self.found[first:] if not one.rule) if is_optional else ()
        # What a handler imports instead is just as optional: one of the two is there.
        with self._within(optional=self._around.optional or is_optional, instead_of=tried):
            self._visit_all(node.handlers)
        self._visit_all([*node.orelse, *node.finalbody])

    def visit_With(self, node: ast.With) -> None:
        self._visit_all(node.items)
        with self._within(optional=self._around.optional or any(map(suppresses_import_error, node.items))):
            self._visit_all(node.body)

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    @contextmanager
    def _within(self, **changes: Any) -> Iterator[None]:
        outer = self._around
        self._around = replace(outer, **changes)
        yield
        self._around = outer

    def _add(self, node: ast.AST, name: str, attributes: tuple[str, ...] = (), *, star: bool = False) -> None:
        place = f"{self._place}:{getattr(node, 'lineno', 0)}"
        self.found.append(ImportedName(name, place, attributes, star, **vars(self._around)))
