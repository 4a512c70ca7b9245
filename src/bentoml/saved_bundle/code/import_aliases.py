"""Other names that a file gives to what conditions and late imports are made of: `from sys import platform as here`."""

from __future__ import annotations

import ast

# Nothing else is looked at in conditions and calls.
_MODULES = frozenset({"sys", "os", "platform", "typing", "importlib", "six"})


class ImportAliases(ast.NodeTransformer):
    """Learns names from the imports of a file, and puts the full ones in their place."""

    def __init__(self) -> None:
        self._full: dict[str, str] = {}

    def learn(self, node: ast.Import | ast.ImportFrom) -> None:
        """Take note of what an import binds."""
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            if isinstance(node, ast.ImportFrom):
                full = f"{node.module}.{alias.name}" if node.level == 0 and node.module in _MODULES else None
            else:
                full = alias.name if alias.asname and alias.name in _MODULES else None
            if full is not None:
                self._full[bound] = full
            else:
                self._full.pop(bound, None)

    def resolved(self, node: ast.expr) -> ast.expr:
        """The expression with full names; itself when it has no others."""
        if not any(isinstance(part, ast.Name) and part.id in self._full for part in ast.walk(node)):
            return node
        # A copy: the tree of the file is read on.
        changed: ast.expr = self.visit(ast.parse(ast.unparse(node), mode="eval").body)
        return changed

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace one name."""
        return ast.parse(self._full.get(node.id, node.id), mode="eval").body
