"""One requirement that was found, and who has asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.service.requirement_reasons import Reason


@dataclass(frozen=True)
class InferredRequirement:
    """One distribution that the service imports, or that a library whose code is in the bundle requires.

    Attributes:
        name: name of the distribution.
        version: the version installed here, without a local part such as `+cpu`; empty for what is not.
        imports: its modules that are imported, each with file and line of every import.
        marker: condition of PEP 508 under which all of that holds; empty without one.
        reference: what stands after the name instead of the version, such as ` @ https://...`; None for the rest.
        directory: address of the directory or file of this machine that it was installed from; None for the rest.
        extras: canonical names of its extras.
        reasons: who has asked for it, or for its extras, besides imports.
    """

    name: str
    version: str
    imports: tuple[tuple[str, tuple[str, ...]], ...] = ()
    marker: str = ""
    reference: str | None = None
    directory: str | None = None
    extras: frozenset[str] = frozenset()
    reasons: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        line = f"{self.name}{extras}{f'=={self.version}' if self.reference is None else self.reference}"
        # After a URL, a blank has to end it.
        blank = " " if "@" in line else ""
        return f"{line}{blank}; {self.marker}" if self.marker else line
