"""Who asked for a requirement: what a bundle records, so that it can be explained later."""

from __future__ import annotations

from dataclasses import dataclass

OPTION = "option"
ARTIFACT = "artifact"
ADAPTER = "adapter"
IMPORT = "import"
LIBRARY = "library"
KINDS = frozenset({OPTION, ARTIFACT, ADAPTER, IMPORT, LIBRARY})


@dataclass(frozen=True)
class Reason:
    """One reason why a requirement is there.

    Attributes:
        kind: one of `KINDS`: an option of `@env`, an artifact, an adapter of an API, an import, or the library itself.
        name: of the option, artifact, API or module.
        detail: name of the class of an artifact or adapter; file and line of an import or of an option's file.
    """

    kind: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        if self.kind in {OPTION, LIBRARY}:
            return f"{self.name}, {self.detail}" if self.detail else self.name
        if self.kind == IMPORT:
            return f"import of {self.name}, {self.detail}"
        where = "artifact" if self.kind == ARTIFACT else "API"
        return f"{where} {self.name} ({self.detail})"


GIVEN = Reason(OPTION, "pip_packages")
