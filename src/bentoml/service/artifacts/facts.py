"""What can be told of an object without knowing its library."""

from __future__ import annotations

import sys
from typing import Any


def object_facts(obj: Any) -> dict[str, Any]:
    """Class of an object, and the library that the class is from.

    Returns:
        `class`, the full name of the class; `framework` and `framework_version`, when the class is from a package that
        says what version it has.
    """
    kind = type(obj)
    facts: dict[str, Any] = {"class": f"{kind.__module__}.{kind.__qualname__}"}
    package = kind.__module__.partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(version, str):
        facts |= {"framework": package, "framework_version": version}
    return facts
