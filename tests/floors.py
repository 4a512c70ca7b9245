"""Who may import whom: reads the imports of a source tree with `ast` and reports every edge that goes the wrong way.

A module belongs to the room that is its longest prefix in `ROOMS`; a room stands on a floor. An import may stay on its
floor or go down. Rooms of `LANES` never import each other, whatever their floors; nor do rooms inside one of them that
stand on one floor. What stands under `if TYPE_CHECKING:` is not an import. Imports inside functions count like the
others, except those that are listed with a reason.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

ROOT_PACKAGE = "bentoml"
LEAF = 15
"""The floor of a framework leaf: above the artifact contract, below every room that handles bundles."""

ROOMS: dict[str, int] = {
    "bentoml._version": 0,
    "bentoml.exceptions": 0,
    "bentoml.types": 0,
    "bentoml.configuration": 0,
    "bentoml._models": 0,
    "bentoml._http": 0,
    "bentoml._util": 0,
    "bentoml.storage": 1,
    "bentoml.clipper": 1,
    "bentoml.adapters": 10,
    "bentoml.service": 10,
    "bentoml.frameworks": LEAF,
    "bentoml.artifact": 18,
    "bentoml.handlers": 18,
    "bentoml.saved_bundle.layout": 20,
    "bentoml.saved_bundle.library_wheel": 20,
    "bentoml.saved_bundle.manifest": 20,
    "bentoml.saved_bundle.manifest_artifacts": 20,
    "bentoml.saved_bundle.code": 21,
    "bentoml.saved_bundle.requirements": 22,
    "bentoml.saved_bundle": 23,
    "bentoml.yatai": 30,
    "bentoml.yatai.remote": 31,
    "bentoml.yatai.server": 40,
    "bentoml.server": 40,
    "bentoml.server.options": 40,
    "bentoml.server.scheduling": 40,
    "bentoml.server.transport": 40,
    "bentoml.server.logs": 41,
    "bentoml.server.metrics": 41,
    "bentoml.server.tracing": 41,
    "bentoml.server.processes": 42,
    "bentoml.server.http": 43,
    "bentoml.server.pages": 44,
    "bentoml.server.streams": 44,
    "bentoml.server.workers": 45,
    "bentoml.server.front": 46,
    "bentoml.server.supervision": 46,
    "bentoml.batch.sources": 40,
    "bentoml.batch.calls": 41,
    "bentoml.batch.sinks": 42,
    "bentoml.batch.jobs": 43,
    "bentoml.batch": 44,
    "bentoml.edge": 40,
    "bentoml.deploy": 40,
    "bentoml.deploy.environment": 40,
    "bentoml.deploy.plans": 40,
    "bentoml.deploy.container": 41,
    "bentoml.deploy.kubernetes": 42,
    "bentoml.deploy.aws": 42,
    "bentoml.deploy.azure": 42,
    "bentoml.deploy.app_platforms": 42,
    "bentoml.deploy.ray": 42,
    "bentoml.cli": 50,
    "bentoml.__main__": 60,
    "bentoml": 60,
}
LANES = ("bentoml.yatai.server", "bentoml.server", "bentoml.batch", "bentoml.edge", "bentoml.deploy")
LEAF_MAY_IMPORT = "bentoml.service.artifacts.base"


@dataclass(frozen=True, order=True)
class Edge:
    """One import: the module that imports, the module that is imported, where, and whether a function does it."""

    importer: str
    imported: str
    line: int
    in_function: bool


def module_files(source: Path) -> dict[str, Path]:
    """Every module below `source` (the directory that holds the root package), by dotted name."""
    files = {}
    for path in sorted((source / ROOT_PACKAGE).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _import_nodes(node: ast.AST, in_function: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Import statements and literal `import_module` calls below a node, each with whether a function holds it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _is_type_checking(child.test):
            for other in child.orelse:
                yield from _import_nodes(ast.Module(body=[other], type_ignores=[]), in_function)
            continue
        if isinstance(child, (ast.Import, ast.ImportFrom, ast.Call)):
            yield child, in_function
        inside = in_function or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield from _import_nodes(child, inside)


def _called_name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _targets(node: ast.AST, module: str, is_package: bool, known: Mapping[str, Path]) -> Iterator[str]:
    """The dotted names that one import node asks for; of `from a import b` the module `a.b` when there is one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            anchor = module.split(".")
            anchor = anchor[: len(anchor) - node.level + is_package]
            base = ".".join([*anchor, *([base] if base else [])])
        for alias in node.names:
            child = f"{base}.{alias.name}"
            yield child if child in known else base
    elif isinstance(node, ast.Call) and _called_name(node) in {"import_module", "__import__"} and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def read_edges(source: Path) -> list[Edge]:
    """All imports of the root package's modules by each other, sorted; a module's import of itself is left out."""
    known = module_files(source)
    edges = set()
    for module, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for node, in_function in _import_nodes(tree):
            for target in _targets(node, module, path.name == "__init__.py", known):
                if target.split(".")[0] == ROOT_PACKAGE and target != module:
                    edges.add(Edge(module, target, getattr(node, "lineno", 0), in_function))
    return sorted(edges)


def room_of(module: str) -> str | None:
    """The room of a module: its longest prefix in `ROOMS`. None when only the root package fits, for a child of it."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in ROOMS and (length > 1 or len(parts) == 1):
            return prefix
    return None


def _lane_of(room: str) -> str | None:
    """The member of `LANES` that a room is or lies in."""
    return next((lane for lane in LANES if room == lane or room.startswith(f"{lane}.")), None)


def _wrong_way(edge: Edge) -> str | None:
    """What is wrong with one edge, or None."""
    here, there = room_of(edge.importer), room_of(edge.imported)
    if here is None or there is None:
        unknown = edge.importer if here is None else edge.imported
        return f"{unknown} has no floor: add its room to ROOMS"
    if here == "bentoml.frameworks" and edge.importer != here:
        if ROOMS[there] == 0 or edge.imported == LEAF_MAY_IMPORT:
            return None
        return f"a framework leaf imports floor 0 and {LEAF_MAY_IMPORT} only"
    lanes = _lane_of(here), _lane_of(there)
    if here != there and None not in lanes and (lanes[0] != lanes[1] or ROOMS[here] == ROOMS[there]):
        return f"sideways: {here} and {there} never import each other"
    if ROOMS[there] > ROOMS[here]:
        return f"upward: {here} (floor {ROOMS[here]}) imports {there} (floor {ROOMS[there]})"
    return None


def find_cycle(edges: Iterable[Edge]) -> list[str] | None:
    """Some chain of modules that import each other in a circle, first name repeated at the end; None without one."""
    graph: dict[str, list[str]] = {}
    for edge in edges:
        graph.setdefault(edge.importer, []).append(edge.imported)
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> list[str] | None:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return None
        for imported in graph.get(module, ()):
            if (found := visit(imported, [*trail, module])) is not None:
                return found
        done.add(module)
        return None

    for start in sorted(graph):
        if (cycle := visit(start, [])) is not None:
            return cycle
    return None


def problems(source: Path, allowed: Mapping[tuple[str, str], str]) -> list[str]:
    """Every bad edge, every cycle, and every entry of `allowed` that no import needs, as sentences.

    Args:
        source: The directory that holds the root package.
        allowed: (importer, imported) of the function-level imports that may go up -> the reason.
    """
    edges = read_edges(source)
    modules = module_files(source)
    found = [f"{name} has no floor: add its room to ROOMS" for name in modules if room_of(name) is None]
    counted, used = [], set()
    for edge in edges:
        listed = edge.in_function and (edge.importer, edge.imported) in allowed
        wrong = _wrong_way(edge)
        if wrong is not None and listed:
            used.add((edge.importer, edge.imported))
            continue
        counted.append(edge)
        if edge.imported not in modules:
            wrong = "there is no such module"
        if wrong is not None:
            found.append(f"{edge.importer}:{edge.line}: imports {edge.imported}: {wrong}")
    found += [f"{here} -> {there} is listed but not needed" for here, there in sorted(set(allowed) - used)]
    if (cycle := find_cycle(counted)) is not None:
        found.append("cycle: " + " -> ".join(cycle))
    return found
