"""Classes of transformers by the names that stand in directories of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.exceptions import ArtifactLoadingException, MissingDependencyException

if TYPE_CHECKING:
    from collections.abc import Sequence


class PretrainedClasses:
    """What a name may stand for: a class of transformers itself, or one that the service has named in its own code.

    Args:
        custom: classes of the user's own; they go before those of transformers with the same name.
    """

    def __init__(self, custom: Sequence[type]) -> None:
        self._custom = {kind.__name__: kind for kind in custom}

    def knows(self, kind: type) -> bool:
        """Whether the name of a class stands for it."""
        return self._found(kind.__name__) is kind

    def named(self, name: str, base: type) -> Any:
        """The class that is meant.

        Args:
            name: from a file that anybody may have written.
            base: what it has to derive from.

        Raises:
            ArtifactLoadingException: there is no such class.
            MissingDependencyException: there is, but it needs something that is not installed.
        """
        found = self._found(name)
        if isinstance(found, type) and issubclass(found, base):
            return found
        if backends := getattr(found, "_backends", None):
            raise MissingDependencyException(f"{name} of transformers needs more than is installed: {backends}")
        version = require("transformers").__version__
        raise ArtifactLoadingException(
            f"{name!r} is no {base.__name__} of transformers {version}, and code that comes with a model is not run; "
            "import the class in the module of the service, and name it in custom_classes= of the artifact"
        )

    def _found(self, name: str) -> Any:
        if name in self._custom or not name.isidentifier() or name.startswith("_"):
            return self._custom.get(name)
        return getattr(require("transformers"), name, None)
