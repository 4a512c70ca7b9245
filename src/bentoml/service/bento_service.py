"""The base class of every service."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from bentoml._util.logs import ensure_logging
from bentoml.exceptions import BentoMLException, InvalidArgument, NotFound
from bentoml.service.artifacts import ARTIFACTS_DIR_NAME, ArtifactCollection, BentoServiceArtifact
from bentoml.service.assembly import make_env, make_inference_apis
from bentoml.service.dev_server import DevServer
from bentoml.service.naming import ServiceName, generate_version, validate_labels, validate_version_str

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from typing_extensions import Self

    from bentoml.service.env import BentoServiceEnv
    from bentoml.service.inference_api import InferenceAPI
    from bentoml.service.metadata import BentoServiceMetadata

WEB_STATIC_CONTENT_DIR_NAME = "web_static_content"

MethodT = TypeVar("MethodT", bound="Callable[..., Any]")

logger = logging.getLogger(__name__)


def _for_instances(method: MethodT) -> MethodT:
    """Say what is wrong when a method is called on the class, whatever the arguments; old services did that."""

    @functools.wraps(method)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not args or not isinstance(args[0], BentoService):
            name = method.__name__
            raise BentoMLException(
                f"BentoService.{name} works on an instance: create one first, `MyService().{name}(...)`"
            )
        return method(*args, **kwargs)

    return cast("MethodT", checked)


class BentoService:
    """A model with everything it needs to answer requests.

    Subclass it in a module of its own, declare what it needs with `@env` and `@artifacts`, and its functions with
    `@api`; then `pack` trained objects into an instance and `save` it.
    """

    name = ServiceName()

    # Set by the decorators.
    _bento_service_name: ClassVar[str | None] = None
    _declared_artifacts: ClassVar[tuple[BentoServiceArtifact, ...]] = ()
    _version_major: ClassVar[int | None] = None
    _version_minor: ClassVar[int | None] = None
    _web_static_content: ClassVar[str | None] = None
    _env: BentoServiceEnv | None = None

    # Set on classes that were loaded from a bundle.
    _bento_service_bundle_path: ClassVar[str | None] = None
    _bento_service_bundle_version: ClassVar[str | None] = None
    _bento_service_bundle_created_at: ClassVar[datetime | None] = None

    def __init__(self) -> None:
        self._artifacts = ArtifactCollection.from_declared_artifact_list(
            self._declared_artifacts, service_name=self.name
        )
        self._inference_apis = make_inference_apis(self, BentoService)
        self._env = make_env(self)
        self._version = self._bento_service_bundle_version
        self._dev_server: DevServer | None = None
        if self._bento_service_bundle_path is not None:
            self._artifacts.load_all(self._directory_in_bundle() / ARTIFACTS_DIR_NAME)

    def _directory_in_bundle(self) -> Path:
        """`<bundle>/<name>`, of a class that was loaded from a bundle."""
        return Path(self._bento_service_bundle_path or "", self.name)

    @property
    def env(self) -> BentoServiceEnv:
        """The environment of this instance."""
        assert self._env is not None
        return self._env

    @property
    def artifacts(self) -> ArtifactCollection:
        """The artifacts of this instance."""
        return self._artifacts

    @property
    def inference_apis(self) -> list[InferenceAPI]:
        """The APIs, sorted by the names of their functions."""
        return self._inference_apis

    def get_inference_api(self, api_name: str | None) -> InferenceAPI:
        """The API of that name; the first one when no name is given.

        Raises:
            NotFound: there is none.
        """
        for api in self._inference_apis:
            if not api_name or api.name == api_name:
                return api
        known = ", ".join(api.name for api in self._inference_apis) or "none"
        raise NotFound(f"Can't find API '{api_name}' in service '{self.name}'; its APIs: {known}")

    @property
    def version(self) -> str:
        """The version; generated when it is first asked for."""
        return self._version if self._version is not None else self.set_version()

    @property
    def tag(self) -> str:
        """`<name>:<version>`."""
        return f"{self.name}:{self.version}"

    def versioneer(self) -> str:
        """Generate a version; override it to derive one from git or a build number."""
        return generate_version()

    def set_version(self, version_str: str | None = None) -> str:
        """Fix the version.

        Args:
            version_str: the version; asked from `versioneer` when None. `@ver` puts its two numbers in front.

        Returns:
            The version as it is stored.

        Raises:
            InvalidArgument: it is not one that can be used.
        """
        version = self.versioneer() if version_str is None else version_str
        validate_version_str(version)
        if self._version_major is not None and self._version_minor is not None:
            version = validate_version_str(f"{self._version_major}.{self._version_minor}.{version}")
        if self._version is not None and self._version != version:
            logger.warning("Version of BentoService '%s' changes from '%s' to '%s'", self.name, self._version, version)
        self._version = version
        return version

    @property
    def web_static_content(self) -> str | None:
        """Name of the directory with static files, as declared."""
        return self._web_static_content

    def get_web_static_content_path(self) -> str | None:
        """Absolute path of the directory with static files; None when there is none."""
        if self._web_static_content is None:
            return None
        if self._bento_service_bundle_path is not None:
            return str((self._directory_in_bundle() / WEB_STATIC_CONTENT_DIR_NAME).resolve())
        return str(Path(self._web_static_content).expanduser().resolve())

    @_for_instances
    def pack(self, name: str, *args: Any, **kwargs: Any) -> Self:
        """Give a declared artifact its object.

        Args:
            name: name of the artifact.
            args: passed to the artifact's `pack`.
            kwargs: likewise; `metadata=` takes a dict.

        Returns:
            This service.

        Raises:
            KeyError: no artifact of that name is declared.
            TypeError: the metadata is not a dict.
            BentoMLException: called on the class.
        """
        if name not in self._artifacts:
            declared = ", ".join(self._artifacts) or "none"
            raise KeyError(f"Artifact '{name}' is not declared by '{self.name}'; declared: {declared}")
        self._artifacts[name].pack(*args, **kwargs)
        return self

    def save(
        self,
        yatai_url: str | None = None,
        version: str | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        lock: str | None = None,
    ) -> str:
        """Write a bundle and register it.

        Args:
            yatai_url: a remote registry; the configured or the local one when None.
            version: see `set_version`.
            labels: keys and values of 3 to 63 characters.
            lock: `versions`, `try-hashes` or `hashes`: what `requirements.lock` holds; `bento_bundle.lock` of the
                configuration when None.

        Returns:
            Where the bundle is: a directory for a registry in the file system.

        Raises:
            InvalidArgument: the version, a label or the lock is not one that can be used.
            BentoMLException: the tag is registered already, or the lock must have hashes, and they cannot be had.
        """
        from bentoml.yatai.client import get_yatai_client

        ensure_logging()
        checked_labels = validate_labels(labels)
        repository = get_yatai_client(yatai_url).repository
        return repository.upload(self, version=version, labels=checked_labels, lock=lock)

    def save_to_dir(
        self, path: str, version: str | None = None, *, lock: str | None = None, replace: bool = False
    ) -> None:
        """Write a bundle into an existing directory, or to an address such as `s3://bucket/x`; it is not registered.

        Args:
            path: the directory or address.
            version: see `set_version`.
            lock: see `save`.
            replace: let an archive take the place of what is at the address.
        """
        from bentoml.saved_bundle import save_to_dir

        ensure_logging()
        save_to_dir(self, path, version=version, lock=lock, replace=replace)

    def start_dev_server(self, port: int | None = None, enable_ngrok: bool = False, debug: bool = False) -> None:
        """Serve this service from a child process; for notebooks.

        Args:
            port: TCP port; the configured one when None.
            enable_ngrok: accepted, no effect.
            debug: log more.
        """
        if enable_ngrok:
            logger.warning("enable_ngrok has no effect; run a tunnel of your own beside the server")
        if self._dev_server is None:
            self._dev_server = DevServer(self.save_to_dir)
        self._dev_server.start(port, debug=debug)

    def stop_dev_server(self, skip_log: bool = False) -> None:
        """Stop what `start_dev_server` started.

        Args:
            skip_log: say nothing.
        """
        if self._dev_server is not None:
            self._dev_server.stop(skip_log=skip_log)
        elif not skip_log:
            logger.warning("No dev server is running")

    def infer_pip_dependencies_map(self) -> dict[str, str]:
        """Distribution and version of everything the service's modules import."""
        from bentoml.saved_bundle.requirements.inference import infer_requirements

        return infer_requirements(self)

    def get_bento_service_metadata_pb(self) -> BentoServiceMetadata:
        """What is known about this service without running it."""
        from bentoml.service.metadata import describe_service

        return describe_service(self)


def save(
    bento_service: BentoService,
    base_path: str | None = None,
    version: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> str:
    """Old form of `BentoService.save`.

    Raises:
        InvalidArgument: `base_path` is given; the directory of the registry is part of the configuration.
    """
    if base_path is not None:
        raise InvalidArgument(
            "save() takes no base_path; set `yatai.repository.file_system.directory` in the configuration, "
            "or use save_to_dir(path)"
        )
    return bento_service.save(version=version, labels=labels)
