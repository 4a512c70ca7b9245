"""Book-keeping around the methods that artifact classes implement.

Only the outermost call keeps the books: a `load` may call `pack`, and a subclass may call `super().pack()`.
"""

from __future__ import annotations

import functools
import inspect
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from bentoml._util.files import write_atomic
from bentoml.exceptions import ArtifactLoadingException, BentoMLException, FailedPrecondition, InvalidArgument
from bentoml.service.artifacts.pickle_gate import pickles_are_allowed
from bentoml.service.plain_values import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bentoml.service.artifacts.base import BentoServiceArtifact

    Method = Callable[..., Any]

GUARDED_ATTRIBUTE = "_bentoml_guarded"
"""Marks a method that keeps the books already."""

_ADVICE = "use the Python and the packages it was saved with (python_version and requirements.txt of the bundle)"

logger = logging.getLogger(__name__)


@contextmanager
def _outermost(artifact: BentoServiceArtifact) -> Iterator[None]:
    artifact._guarded = True
    try:
        yield
    finally:
        artifact._guarded = False


def _describe(artifact: BentoServiceArtifact) -> str:
    return f"{type(artifact).__name__} '{artifact.name}'"


def _marked(method: Method) -> Method:
    setattr(method, GUARDED_ATTRIBUTE, True)
    return method


def guard_pack(pack: Method) -> Method:
    """Let `pack` also store its `metadata` argument and mark the artifact as packed.

    The wrapped method raises `TypeError` when the metadata is neither a dict nor None.
    """
    signature = inspect.signature(pack)
    accepts_metadata = any(
        parameter.name == "metadata" or parameter.kind is inspect.Parameter.VAR_KEYWORD
        for parameter in signature.parameters.values()
    )

    @functools.wraps(pack)
    def guarded(self: BentoServiceArtifact, *args: Any, **kwargs: Any) -> BentoServiceArtifact:
        if self._guarded:
            pack(self, *args, **kwargs)
            return self
        if "metadata" in kwargs and (not accepts_metadata or kwargs["metadata"] is None):
            metadata = kwargs.pop("metadata")
        else:
            metadata = signature.bind(self, *args, **kwargs).arguments.get("metadata", kwargs.get("metadata"))
        if metadata is not None and not isinstance(metadata, dict):
            raise TypeError(f"{_describe(self)}: metadata must be a dict, got {type(metadata).__name__}")
        plain_metadata = plain_value(metadata or {}, f"{_describe(self)}: metadata")
        if self.is_ready:
            logger.warning("%s holds an object already, the new one replaces it", _describe(self))
        with _outermost(self):
            pack(self, *args, **kwargs)
        self._metadata = plain_metadata
        self._packed = True
        return self

    return _marked(guarded)


def guard_load(load: Method) -> Method:
    """Let `load` also read the metadata and mark the artifact as loaded.

    The wrapped method raises `ArtifactLoadingException` when a file is missing or can not be read, or is a pickle where
    those are not allowed.
    """

    @functools.wraps(load)
    def guarded(self: BentoServiceArtifact, path: Any) -> BentoServiceArtifact:
        if self._guarded:
            load(self, path)
            return self
        directory = str(path)
        with _outermost(self):
            try:
                _refuse_pickles(self, directory)
                load(self, directory)
            except FileNotFoundError as error:
                raise ArtifactLoadingException(
                    f"{_describe(self)} can not be loaded from {directory}: {error.filename or error} is missing; "
                    "was it packed before the service was saved?"
                ) from error
            except (BentoMLException, MemoryError):
                raise
            except Exception as error:
                raise ArtifactLoadingException(
                    f"{_describe(self)} can not be loaded from {directory}: {type(error).__name__}: {error}; {_ADVICE}"
                ) from error
        self._metadata = _read_metadata(self, directory)
        self._loaded = True
        return self

    return _marked(guarded)


def _refuse_pickles(artifact: BentoServiceArtifact, directory: str) -> None:
    if not pickles_are_allowed() and artifact.has_pickle_in(directory):
        raise ArtifactLoadingException(
            f"{_describe(artifact)} would be unpickled from {directory}, and pickles are not allowed here"
        )


def guard_save(save: Method) -> Method:
    """Let `save` refuse when there is no object, and write the metadata after the files."""

    @functools.wraps(save)
    def guarded(self: BentoServiceArtifact, dst: Any) -> None:
        if self._guarded:
            save(self, dst)
            return
        if not self.is_ready:
            raise FailedPrecondition(f"{_describe(self)} holds no object to save; call pack or load first")
        directory = str(dst)
        metadata_path = self._metadata_path(directory)
        metadata_path.unlink(missing_ok=True)
        with _outermost(self):
            save(self, directory)
        if not self.metadata:
            return
        if metadata_path.exists():
            raise InvalidArgument(f"{_describe(self)} can not have metadata: its own file is {metadata_path.name}")
        write_atomic(metadata_path, yaml.safe_dump(self.metadata, sort_keys=False, allow_unicode=True))

    return _marked(guarded)


def guard_get(get: Method) -> Method:
    """Let `get` refuse when there is no object."""

    @functools.wraps(get)
    def guarded(self: BentoServiceArtifact) -> Any:
        if not (self._guarded or self.is_ready):
            raise FailedPrecondition(f"{_describe(self)} holds no object; call pack or load first")
        return get(self)

    return _marked(guarded)


def _read_metadata(artifact: BentoServiceArtifact, directory: str) -> dict[str, Any]:
    path = artifact._metadata_path(directory)
    if not path.is_file():
        return {}
    try:
        metadata = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ArtifactLoadingException(f"{_describe(artifact)}: the metadata in {path} can not be read") from error
    if metadata is not None and not isinstance(metadata, dict):
        raise ArtifactLoadingException(f"{_describe(artifact)}: the metadata in {path} is not a mapping")
    return metadata or {}
