"""The environment of a service as a bundle records it: requirements pinned, inferred ones added, the library first."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._version import __version__
from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.layout import LIBRARY_DIR
from bentoml.saved_bundle.library_wheel import DISTRIBUTION, WHEEL_NAME
from bentoml.saved_bundle.requirements import combined, names_distribution, requirements_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.saved_bundle.sources import SourceTree
    from bentoml.service import BentoService, BentoServiceEnv

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResolvedEnvironment:
    """An environment that is ready to be written.

    Attributes:
        declared: a copy of the service's environment whose `_pip_packages` are the lines of `requirements.txt`.
        requirements: those lines without the one of the library.
        library_line: path of the library's wheel, relative to the bundle.
    """

    declared: BentoServiceEnv
    requirements: tuple[str, ...]
    library_line: str

    def manifest_section(self) -> dict[str, Any]:
        """The `env` section of the manifest."""
        section = self.declared.to_dict()
        if "pip_packages" in section:
            section["pip_packages"] = [f"{DISTRIBUTION}=={__version__}", *self.requirements]
        if isinstance(section.get("setup_sh"), str):
            section["setup_sh"] = section["setup_sh"].encode()
        return section


def resolve_environment(service: BentoService, tree: SourceTree) -> ResolvedEnvironment:
    """Pin what the service declares and add what its imports need, when it asks for that.

    A declared requirements file is left as it is.

    Raises:
        InvalidArgument: a requirement or option would add lines to `requirements.txt`.
    """
    env = service.env.copy()
    for artifact in service.artifacts.values():
        artifact.set_dependencies(env)  # again: some know more once they hold their object
    library_line = f"./{LIBRARY_DIR}/{WHEEL_NAME}"
    requirements: list[str] = []
    if env._requirements_txt_file is None:
        inferred = requirements_of(tree) if env._infer_pip_packages else []
        requirements = combined(_without_library(env._pip_packages), inferred)
    check_lines([*requirements, env._pip_index_url, env._pip_trusted_host, env._pip_extra_index_url])
    env._pip_packages = [library_line, *requirements]
    return ResolvedEnvironment(env, tuple(requirements), library_line)


def _without_library(declared: Sequence[str]) -> list[str]:
    kept = []
    for requirement in declared:
        if names_distribution(requirement, DISTRIBUTION):
            logger.warning(
                "pip package %s was left out: the bundle carries the %s that saves it, version %s",
                requirement,
                DISTRIBUTION,
                __version__,
            )
        else:
            kept.append(requirement)
    return kept


def check_lines(lines: Sequence[str | None]) -> None:
    """Check that each of them is one line of `requirements.txt`; None is none.

    Raises:
        InvalidArgument: it has a line break or another control character.
    """
    for line in lines:
        if line is not None and (not line.strip() or not line.isprintable()):
            raise InvalidArgument(f"{line!r} cannot stand in requirements.txt: it is not one line of text")
