"""What a service needs around it: Python, pip and conda packages, a set-up script, a base image."""

from __future__ import annotations

import copy
import logging
import os
import platform
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml._util.files import write_atomic
from bentoml.configuration import get_config
from bentoml.exceptions import InvalidArgument
from bentoml.service.conda_env import CondaEnv
from bentoml.service.pip_packages import add_requirement, checked_requirement, requirement_name
from bentoml.service.requirement_reasons import GIVEN, OPTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bentoml.service.requirement_reasons import Reason

logger = logging.getLogger(__name__)

CONDA_BASE_IMAGE = "condaforge/miniforge3"


class BentoServiceEnv:
    """The environment of a service; the arguments are those of `@bentoml.env`.

    Args:
        pip_packages: requirement strings.
        pip_index_url: package index to use instead of PyPI.
        pip_trusted_host: host that may be reached without TLS.
        pip_extra_index_url: further package index.
        infer_pip_packages: find requirements from the imports of the service when it is saved.
        requirements_txt_file: file that is used as it stands, instead of every other pip option.
        conda_channels: channels for `environment.yml`.
        conda_override_channels: use no other channels than these.
        conda_dependencies: dependencies for `environment.yml`.
        conda_env_yml_file: environment file to start from.
        setup_sh: path of a script, or the text of one; runs first when an image is built.
        docker_base_image: the image to build on.
        zipimport_archives: zip files to import from, relative to the directory of the service's module.
        pip_dependencies: old name of `pip_packages`.
        auto_pip_dependencies: old name of `infer_pip_packages`.
        conda_overwrite_channels: old name of `conda_override_channels`.

    Raises:
        InvalidArgument: a value has a line break where none can stand, or options contradict each other.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the classic signature
        self,
        pip_packages: Sequence[str] | None = None,
        pip_index_url: str | None = None,
        pip_trusted_host: str | None = None,
        pip_extra_index_url: str | None = None,
        infer_pip_packages: bool = False,
        requirements_txt_file: str | None = None,
        conda_channels: Sequence[str] | None = None,
        conda_override_channels: bool = False,
        conda_dependencies: Sequence[str] | None = None,
        conda_env_yml_file: str | None = None,
        setup_sh: str | None = None,
        docker_base_image: str | None = None,
        zipimport_archives: Sequence[str] | None = None,
        pip_dependencies: Sequence[str] | None = None,
        auto_pip_dependencies: bool = False,
        conda_overwrite_channels: bool = False,
    ) -> None:
        self._python_version = platform.python_version()
        self._pip_packages: list[str] = []
        self._reason = GIVEN
        self._reasons: list[tuple[str, Reason]] = []
        self.add_pip_packages([*_listed(pip_dependencies), *_listed(pip_packages)])
        self._pip_index_url = _one_word("pip_index_url", pip_index_url)
        self._pip_trusted_host = _one_word("pip_trusted_host", pip_trusted_host)
        self._pip_extra_index_url = _one_word("pip_extra_index_url", pip_extra_index_url)
        self._infer_pip_packages = infer_pip_packages or auto_pip_dependencies
        self._requirements_txt_file = _path("requirements_txt_file", requirements_txt_file)
        self._warn_if_file_wins()
        self._conda_env = CondaEnv(
            channels=_one_liners("conda_channels", conda_channels),
            dependencies=_one_liners("conda_dependencies", conda_dependencies),
            override_channels=conda_override_channels or conda_overwrite_channels,
            env_yml_file=_path("conda_env_yml_file", conda_env_yml_file),
        )
        self._setup_sh: str | None = None
        if setup_sh is not None:
            self.set_setup_sh(setup_sh)
        self._declared_base_image = _one_word("docker_base_image", docker_base_image)
        self._zipimport_archives = _one_liners("zipimport_archives", zipimport_archives)

    def _warn_if_file_wins(self) -> None:
        others = (self._pip_index_url, self._pip_trusted_host, self._pip_extra_index_url)
        if self._requirements_txt_file is not None and (self._pip_packages or self._infer_pip_packages or any(others)):
            logger.warning(
                "requirements_txt_file '%s' is used as it stands, the other pip options have no effect",
                self._requirements_txt_file,
            )

    @property
    def _docker_base_image(self) -> str:
        """The declared image, else the configured one, else a slim Python, or conda where it is needed."""
        image = self._declared_base_image or get_config().bento_bundle.default_docker_base_image
        if image is not None:
            return image
        if self._conda_env.is_declared:
            return CONDA_BASE_IMAGE
        return f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"

    @_docker_base_image.setter
    def _docker_base_image(self, image: str | None) -> None:
        self._declared_base_image = _one_word("docker_base_image", image)

    def add_pip_package(self, pip_package: str) -> None:
        """Add one pip requirement; see `add_requirement` for what happens to a distribution that is listed already.

        What artifacts and adapters ask for does not replace what the user has given.

        Raises:
            InvalidArgument: it is not one requirement.
        """
        given = [text for text, reason in self._reasons if reason.kind == OPTION] if self._reason != GIVEN else []
        names = {name for name in map(requirement_name, given) if name is not None}
        add_requirement(self._pip_packages, pip_package, names)
        self._reasons.append((checked_requirement(pip_package), self._reason))

    @contextmanager
    def asked_for_by(self, reason: Reason) -> Iterator[None]:
        """Remember, for the length of the block, who asks for the requirements that are added."""
        outer, self._reason = self._reason, reason
        try:
            yield
        finally:
            self._reason = outer

    def add_pip_packages(self, pip_packages: Iterable[str]) -> None:
        """Add pip requirements."""
        for pip_package in _listed(pip_packages):
            self.add_pip_package(pip_package)

    def add_conda_dependencies(self, conda_dependencies: Iterable[str]) -> None:
        """Add conda dependencies."""
        declared = self._conda_env.dependencies
        new = _one_liners("conda_dependencies", conda_dependencies)
        declared.extend(name for name in new if name not in declared)

    def set_setup_sh(self, setup_sh_path_or_content: str) -> None:
        """Set the set-up script.

        Args:
            setup_sh_path_or_content: path of an existing file, or the text of the script.

        Raises:
            InvalidArgument: it is neither.
        """
        if not isinstance(setup_sh_path_or_content, str):
            raise InvalidArgument(
                f"setup_sh must be the path or the text of a script, got {setup_sh_path_or_content!r}"
            )
        text = _file_text(setup_sh_path_or_content)
        self._setup_sh = setup_sh_path_or_content if text is None else text

    def requirements_txt(self) -> str:
        """The text of `requirements.txt`: the declared file as it stands, else index lines and `_pip_packages`.

        Raises:
            InvalidArgument: the declared file can not be read.
        """
        if self._requirements_txt_file is not None:
            path = Path(self._requirements_txt_file).expanduser()
            try:
                return path.read_bytes().decode()
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidArgument(
                    f"requirements_txt_file {self._requirements_txt_file!r} can not be read: {error}"
                ) from error
        options = (
            ("--index-url", self._pip_index_url),
            ("--trusted-host", self._pip_trusted_host),
            ("--extra-index-url", self._pip_extra_index_url),
        )
        lines = [f"{option}={value}" for option, value in options if value is not None]
        return "".join(f"{line}\n" for line in [*lines, *self._pip_packages])

    def to_dict(self) -> dict[str, Any]:
        """The `env` section of `bentoml.yml`."""
        section: dict[str, Any] = {}
        if self._setup_sh is not None:
            section["setup_sh"] = self._setup_sh
        if self._requirements_txt_file is not None:
            section["requirements_txt"] = self.requirements_txt()
        else:
            section["pip_packages"] = list(self._pip_packages)
        if self._conda_env.is_declared or self._conda_env.channels:
            section["conda_env"] = self._conda_env.to_dict()
        section["python_version"] = self._python_version
        section["docker_base_image"] = self._docker_base_image
        return section

    def save(self, path: str | Path) -> None:
        """Write `environment.yml`, `requirements.txt`, `python_version` and, if there is one, `setup.sh`."""
        directory = Path(path)
        write_atomic(directory / "environment.yml", self._conda_env.to_yaml())
        write_atomic(directory / "requirements.txt", self.requirements_txt())
        write_atomic(directory / "python_version", self._python_version)
        if self._setup_sh is not None:
            self._warn_of_missing_script(self._setup_sh)
            write_atomic(directory / "setup.sh", self._setup_sh, executable=True)

    @staticmethod
    def _warn_of_missing_script(text: str) -> None:
        # Only now: where a saved service is loaded, the file is not there, and need not be.
        if text.endswith(".sh") and len(text.split()) == 1:
            logger.warning(
                "setup_sh '%s' is no file in %s, so it is saved as the text of a script; correct the path",
                text,
                Path.cwd(),
            )

    def copy(self) -> BentoServiceEnv:
        """An environment with the same content that shares nothing with this one."""
        return copy.deepcopy(self)

    def use_files_of_bundle(self, bundle_path: str | Path) -> None:
        """Read the files that were named by path at definition from the bundle they were saved into."""
        directory = Path(bundle_path)
        if self._setup_sh is not None and (directory / "setup.sh").is_file():
            self._setup_sh = _file_text(str(directory / "setup.sh"))
        if self._requirements_txt_file is not None and (directory / "requirements.txt").is_file():
            self._requirements_txt_file = str(directory / "requirements.txt")
        if self._conda_env.env_yml_file is not None and (directory / "environment.yml").is_file():
            self._conda_env = CondaEnv(env_yml_file=str(directory / "environment.yml"))


def _listed(names: Iterable[str] | None) -> list[str]:
    """The names as a list.

    Raises:
        InvalidArgument: a single str was given, which would become a list of letters.
    """
    if isinstance(names, str):
        raise InvalidArgument(f"expected a list of str, got the str {names!r}")
    return list(names or [])


def _one_liners(option: str, names: Iterable[str] | None) -> list[str]:
    """The names as a list of str.

    Raises:
        InvalidArgument: one of them is no text, or has a line break.
    """
    listed = [os.fspath(name) if isinstance(name, os.PathLike) else name for name in _listed(names)]
    for name in listed:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise InvalidArgument(f"{option} has {name!r}, which is not one line of text")
    return listed


def _path(option: str, value: str | os.PathLike[str] | None) -> str | None:
    """The value as a str.

    Raises:
        InvalidArgument: it is no text, or has a line break.
    """
    if value is None:
        return None
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path.isprintable():
        raise InvalidArgument(f"{option} must be the path of a file, got {value!r}")
    return path


def _one_word(option: str, value: str | None) -> str | None:
    """The value.

    Raises:
        InvalidArgument: it has white space or control characters, and so could add lines to a generated file.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not value or any(not c.isprintable() or c.isspace() or c == "\\" for c in value):
        raise InvalidArgument(f"{option} must be one word, got {value!r}")
    return value


def _file_text(path_or_text: str) -> str | None:
    """Content of the file of that name; None where no such file is there."""
    if "\n" in path_or_text or len(path_or_text) > 1000:
        return None
    try:
        path = Path(path_or_text).expanduser()
        return path.read_bytes().decode() if path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
