"""The contract of an artifact.

An artifact puts one object of one library into files and gets it back. A subclass starts all its file names with
`self.name` and implements

- `pack(obj, metadata=None)`: take an object that is in memory; `InvalidArgument` when it is of the wrong type;
- `save(dst)`: write the files into the existing directory `dst`;
- `load(path)`: read back what `save` wrote into the directory `path`;
- `get()`: the object, as the functions of a service use it;
- `set_dependencies(env)`, optional: declare what the service needs installed;
- `formats`, optional: what `save` may write;
- `carries_pickle` and `has_pickle_in(directory)`, optional: whether loading the files can run code that stands in them;
- `survives_fork`, optional: whether a process that is forked later can use what was loaded;
- `facts()`, optional: what can be told of the object, for the manifest of a bundle.

This base keeps the books around these methods (see `lifecycle`): which of them may be called already, and the
`metadata` dict, stored beside the files as `<name>.yml`. A library that is not installed is reported by
`bentoml._util.optional.require`, from inside `pack` or `load`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.configuration import chosen_device
from bentoml.service.artifacts.facts import object_facts
from bentoml.service.artifacts.lifecycle import GUARDED_ATTRIBUTE, guard_get, guard_load, guard_pack, guard_save
from bentoml.service.naming import validate_artifact_name

if TYPE_CHECKING:
    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv

# Of feature names in facts: a manifest stays readable.
MOST_FEATURE_NAMES = 100

_GUARDS = {"pack": guard_pack, "load": guard_load, "save": guard_save, "get": guard_get}


@dataclass(frozen=True)
class FileFormat:
    """One form in which an artifact can be written.

    Attributes:
        words: what it is, such as `TorchScript`.
        suffixes: what follows the artifact's name in the names of the files; that of a directory ends in `/`.
        runs_code: whether reading the files can run code that stands in them. Words say when, where it depends on the
            object: `its graph writes files`.
    """

    words: str
    suffixes: tuple[str, ...]
    runs_code: bool | str = False

    def paths(self, name: str) -> frozenset[str]:
        """Names of the files of an artifact; that of a directory ends in `/`."""
        return frozenset(f"{name}{suffix}" for suffix in self.suffixes)


class BentoServiceArtifact:
    """Base class of all artifacts; the module's docstring says what a subclass implements.

    Args:
        name: a Python identifier; the artifact is `service.artifacts.<name>`.

    Raises:
        ValueError: the name is no identifier.
    """

    formats: ClassVar[tuple[FileFormat, ...]] = ()
    """The forms that `save` may write, for `carries_pickle` and for the overview of frameworks; empty: not told."""

    survives_fork: ClassVar[bool] = True
    """Whether processes that are forked later, as by `--preload`, can use what was loaded. Those of a library that
    keeps threads of its own cannot: a fork has none of them, and waits for them for ever."""

    _name: str
    _packed: bool
    _loaded: bool
    _guarded: bool
    _metadata: dict[str, Any]
    _constructor_arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Keep the arguments, so that each instance of a service can have an artifact of its own."""
        artifact = super().__new__(cls)
        artifact._packed = False
        artifact._loaded = False
        artifact._guarded = False
        artifact._metadata = {}
        artifact._constructor_arguments = (args, kwargs)
        return artifact

    def __init__(self, name: str) -> None:
        self._name = validate_artifact_name(name)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for method, guard in _GUARDS.items():
            function = getattr(cls, method)  # its own, or one of a mixin
            if not hasattr(function, GUARDED_ATTRIBUTE):
                setattr(cls, method, guard(function))

    @property
    def name(self) -> str:
        """Name of the artifact."""
        return self._name

    @property
    def packed(self) -> bool:
        """Whether `pack` has been called."""
        return self._packed

    @property
    def loaded(self) -> bool:
        """Whether `load` has been called."""
        return self._loaded

    @property
    def is_ready(self) -> bool:
        """Whether there is an object to `get` and `save`."""
        return self._packed or self._loaded

    @property
    def metadata(self) -> dict[str, Any]:
        """What was given to `pack` as metadata; empty by default."""
        return self._metadata

    def pack(self, obj: Any, /, metadata: dict[str, Any] | None = None) -> Self:
        """Take an object that is in memory."""
        raise NotImplementedError(f"{type(self).__name__} does not implement pack")

    def load(self, path: str) -> Self:
        """Read the object from the directory it was saved to."""
        raise NotImplementedError(f"{type(self).__name__} does not implement load")

    def save(self, dst: str) -> None:
        """Write the object into an existing directory."""
        raise NotImplementedError(f"{type(self).__name__} does not implement save")

    def get(self) -> Any:
        """The object."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get")

    def set_dependencies(self, env: BentoServiceEnv) -> None:
        """Declare what the service needs installed; nothing by default."""

    @property
    def carries_pickle(self) -> bool:
        """Whether the files that `save` writes are, or hold, pickles or anything else that can run code when loaded.

        False where no one of `formats` can; else true, the safe assumption, as for a class that does not say. A class
        attribute will do where the answer is always the same; where it depends on the object, the answer is about the
        one that was packed or loaded, and `has_pickle_in` is overridden, too.
        """
        return not self.formats or any(form.runs_code for form in self.formats)

    def has_pickle_in(self, directory: str) -> bool:  # noqa: ARG002 - for those who override it
        """Whether `load` would unpickle files of a directory; asked before `load` where pickles are not allowed.

        Nothing is loaded to find out. By default what `carries_pickle` says.
        """
        return self.carries_pickle

    def facts(self) -> dict[str, Any]:
        """What can be told of the object that was packed or loaded; stored in the manifest beside the user's metadata.

        Only plain values: dicts, lists, str, int, float, bool and None. Keys that have a common meaning:

        - `framework`, `framework_version`: import name and version of the library;
        - `class`: full name of the object's class;
        - `input_signature`: a list of dicts with `name`, `dtype` and `shape`, `null` for what is not known;
        - `parameters`: how many numbers were trained.

        A subclass adds to what it gets from here: `{**super().facts(), "parameters": ...}`.
        """
        return object_facts(self.get())

    @staticmethod
    def chosen_device() -> str:
        """The device to load onto, such as `cpu` (the default) or `cuda:1`: `$BENTOML_DEVICE`, or the configuration.

        Raises:
            BentoMLConfigException: that is no device.
        """
        return chosen_device()

    def fresh_copy(self) -> Self:
        """A new artifact made with the same constructor arguments, holding no object."""
        args, kwargs = self._constructor_arguments
        return type(self)(*args, **kwargs)

    def _metadata_path(self, directory: str) -> Path:
        """File of the metadata; overridden where an artifact's own file has that name."""
        return Path(directory) / f"{self.name}.yml"


class ModelArtifact(BentoServiceArtifact):
    """Base of artifacts that hold one model of one library, which `pack` and `load` keep in `_model`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._model: Any = None

    def get(self) -> Any:
        """The model, as the library has it."""
        return self._model

    def _directory(self, directory: str) -> Path:
        """Where a model that is a directory lies in the one of all artifacts."""
        return Path(directory) / self.name

    @staticmethod
    def _existing(path: Path) -> Path:
        """The path itself, for libraries that say in words of their own, or crash, when a file is missing."""
        path.stat()  # says so in the words of all artifacts
        return path
