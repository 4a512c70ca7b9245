"""The artifacts of one service, by name."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts.base import BentoServiceArtifact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

ARTIFACTS_DIR_NAME = "artifacts"

logger = logging.getLogger(__name__)

_UNSET: Any = object()


class ArtifactCollection(dict[str, BentoServiceArtifact]):
    """A dict of artifacts whose attributes are the objects inside.

    `artifacts["model"]` is the artifact, `artifacts.model` is what its `get()` returns. A name that is not there is a
    `KeyError` either way.

    Args:
        artifacts: the artifacts to hold.
        service_name: whose they are; used in log messages.
    """

    def __init__(self, artifacts: Iterable[BentoServiceArtifact] = (), *, service_name: str | None = None) -> None:
        super().__init__()
        self._service_name = service_name
        for artifact in artifacts:
            self.add(artifact)

    @classmethod
    def from_declared_artifact_list(
        cls, artifacts: Iterable[BentoServiceArtifact], *, service_name: str | None = None
    ) -> ArtifactCollection:
        """A collection of new, empty artifacts made like those that a class declares."""
        return cls((artifact.fresh_copy() for artifact in artifacts), service_name=service_name)

    def __setitem__(self, key: str, artifact: BentoServiceArtifact) -> None:
        if not isinstance(artifact, BentoServiceArtifact):
            raise InvalidArgument(f"{artifact!r} is not a BentoServiceArtifact")
        if key != artifact.name:
            raise InvalidArgument(f"Artifact '{artifact.name}' can not be stored under the name '{key}'")
        super().__setitem__(key, artifact)

    def __getattr__(self, name: str) -> Any:
        # Reached only for names the class does not have; Python itself asks for such ones when it copies.
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name].get()

    def __ior__(self, other: Any) -> Self:  # type: ignore[override, misc]  # stays a collection, and checks names
        self.update(other)
        return self

    def get(self, name: str, default: Any = _UNSET) -> Any:
        """The artifact of that name.

        Raises:
            KeyError: there is none, and no default was given.
        """
        if default is _UNSET:
            return self[name]
        return super().get(name, default)

    def update(self, *args: Any, **kwargs: BentoServiceArtifact) -> None:
        """As `dict.update`; each key must be the name of its artifact."""
        for key, artifact in dict(*args, **kwargs).items():
            self[key] = artifact

    def setdefault(self, name: str, default: Any = None) -> BentoServiceArtifact:
        """The artifact of that name; `default` is added where there is none."""
        if name not in self:
            self[name] = default
        return self[name]

    def add(self, artifact: BentoServiceArtifact) -> None:
        """Hold an artifact under its own name."""
        self[artifact.name] = artifact

    def get_artifact_list(self) -> list[BentoServiceArtifact]:
        """All artifacts, in the order in which they were added."""
        return list(self.values())

    def save(self, dst: str | Path) -> dict[str, list[str]]:
        """Write every artifact that holds an object into `<dst>/artifacts/`, which is created.

        The others are left out with a warning.

        Returns:
            The files that each artifact has written, by its name: sorted, relative to that directory, with `/`.
        """
        directory = Path(dst) / ARTIFACTS_DIR_NAME
        directory.mkdir(exist_ok=True)
        written: dict[str, list[str]] = {}
        before = _stamps(directory)
        for artifact in self.values():
            if artifact.is_ready:
                artifact.save(str(directory))
                after = _stamps(directory)
                written[artifact.name] = sorted(path for path, stamp in after.items() if before.get(path) != stamp)
                before = after
            else:
                logger.warning(
                    "Missing declared artifact '%s' for BentoService '%s'", artifact.name, self._service_name or "-"
                )
        return written

    def load_all(self, path: str | Path) -> None:
        """Load every artifact from a directory of artifacts saved earlier.

        Raises:
            ArtifactLoadingException: the files of one are missing.
        """
        for artifact in self.values():
            artifact.load(str(path))


def _stamps(directory: Path) -> dict[str, tuple[int, int, int]]:
    """What changes about each file below a directory when it is written; by its relative path."""
    stamps = {}
    for root, _, names in os.walk(directory):
        for name in names:
            path = Path(root, name)
            status = path.lstat()
            stamps[path.relative_to(directory).as_posix()] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return stamps
