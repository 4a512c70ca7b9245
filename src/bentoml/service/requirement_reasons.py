"""Who asked for a requirement: what a bundle records, so that it can be explained later."""

from __future__ import annotations

from dataclasses import dataclass

OPTION = "option"
ARTIFACT = "artifact"
ADAPTER = "adapter"
IMPORT = "import"
LIBRARY = "library"
DISTRIBUTION = "distribution"
FILE = "file"
KINDS = frozenset({OPTION, ARTIFACT, ADAPTER, IMPORT, LIBRARY, DISTRIBUTION, FILE})


@dataclass(frozen=True)
class Reason:
    """One reason why a requirement is there.

    Attributes:
        kind: one of `KINDS`: an option of `@env`, an artifact, an adapter of an API, an import, the library itself, a
            distribution whose code is in the bundle, or a file of the project.
        name: of the option, artifact, API, module, distribution or file.
        detail: name of the class of an artifact or adapter; file and line of an import or of an option's file; what the
            distribution is, or where in the file it stands.
    """

    kind: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        if self.kind == DISTRIBUTION:
            return f"requirement of {self.name}, {self.detail}"
        if self.kind in {OPTION, LIBRARY, FILE}:
            return f"{self.name}, {self.detail}" if self.detail else self.name
        if self.kind == IMPORT:
            return f"import of {self.name}, {self.detail}"
        where = "artifact" if self.kind == ARTIFACT else "API"
        return f"{where} {self.name} ({self.detail})"


GIVEN = Reason(OPTION, "pip_packages")
