"""The environment of a service as a bundle records it: requirements pinned, inferred ones added, the library first."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._version import __version__
from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.layout import LIBRARY_DIR
from bentoml.saved_bundle.library_wheel import DISTRIBUTION, WHEEL_NAME
from bentoml.saved_bundle.requirements.closure import Closure, closure_of
from bentoml.saved_bundle.requirements.inference import inferred_from, look_up
from bentoml.saved_bundle.requirements.pinning import combined
from bentoml.saved_bundle.requirements.recording import names_in_file, record_of
from bentoml.saved_bundle.requirements.requirement_text import names_distribution
from bentoml.saved_bundle.requirements.stated import stated_requirements
from bentoml.service.assembly import ask_artifacts
from bentoml.service.pip_packages import refuse_option, requirement_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.saved_bundle.code.service_sources import ServiceSources
    from bentoml.saved_bundle.requirements.requirement_record import RequirementRecord
    from bentoml.service import BentoService, BentoServiceEnv

logger = logging.getLogger(__name__)

# A user and a password in a URL, unless it is a variable such as `${TOKEN}`.
_PASSWORD = re.compile(r"://[^/\s@]*:(?!\$\{)[^/\s@]+@(?P<host>[^/\s]+)")


@dataclass(frozen=True)
class ResolvedEnvironment:
    """An environment that is ready to be written.

    Attributes:
        declared: a copy of the service's environment whose `_pip_packages` are the lines of `requirements.txt`.
        requirements: those lines without the one of the library.
        library_line: path of the library's wheel, relative to the bundle.
        record: why each requirement is there, and what was left out.
        closure: all distributions that the requirements bring.
    """

    declared: BentoServiceEnv
    requirements: tuple[str, ...]
    library_line: str
    record: RequirementRecord
    closure: Closure

    def manifest_section(self) -> dict[str, Any]:
        """The `env` section of the manifest."""
        section = self.declared.to_dict()
        if "pip_packages" in section:
            section["pip_packages"] = [f"{DISTRIBUTION}=={__version__}", *self.requirements]
        if isinstance(section.get("setup_sh"), str):
            section["setup_sh"] = section["setup_sh"].encode()
        return section


def resolve_environment(service: BentoService, sources: ServiceSources) -> ResolvedEnvironment:
    """Pin what the service declares and add what its imports need, when it asks for that.

    A declared requirements file is left as it is.

    Raises:
        InvalidArgument: a requirement or option would add lines to `requirements.txt`, or a requirement has an option.
    """
    env = service.env.copy()
    ask_artifacts(service, env)  # again: some know more once they hold their object
    library_line = f"./{LIBRARY_DIR}/{WHEEL_NAME}"
    asked = list(env._pip_packages)
    requirements: list[str] = []
    if env._requirements_txt_file is not None:
        inference = look_up(sources.tree, names_in_file(env.requirements_txt()))
    else:
        check_lines(asked)
        for line in asked:
            refuse_option(line)
        given = _without_library(asked)
        names = {name for name in map(requirement_name, given) if name}
        if env._infer_pip_packages:
            inference = inferred_from(sources.tree, names, stated_requirements(sources))
        else:
            inference = look_up(sources.tree, names)
        requirements = combined(given, inference.found if env._infer_pip_packages else [])
    lines = [*requirements, env._pip_index_url, env._pip_trusted_host, env._pip_extra_index_url]
    check_lines(lines)
    _refuse_continued(lines)
    _warn_of_passwords(lines)
    env._pip_packages = [library_line, *requirements]
    closure = closure_of(env.requirements_txt())
    record = record_of(env, asked, inference, closure, sources)
    return ResolvedEnvironment(env, tuple(requirements), library_line, record, closure)


def _is_library(requirement: str) -> bool:
    return names_distribution(requirement, DISTRIBUTION)


def _without_library(declared: Sequence[str]) -> list[str]:
    kept = []
    for requirement in declared:
        if _is_library(requirement):
            logger.warning(
                "pip package %s was left out: the bundle carries the %s that saves it, version %s",
                requirement,
                DISTRIBUTION,
                __version__,
            )
        else:
            kept.append(requirement)
    return kept


def _refuse_continued(lines: Sequence[str | None]) -> None:
    for line in lines:
        if line is not None and line.endswith("\\"):
            raise InvalidArgument(f"{line!r} cannot stand in requirements.txt: its end would join the next line to it")


def _warn_of_passwords(lines: Sequence[str | None]) -> None:
    for line in lines:
        found = _PASSWORD.search(line or "")
        if found is not None:
            logger.warning(
                "the URL at %s has a password, which is written into the bundle for everybody to read; write "
                "https://${USER}:${TOKEN}@... instead, which pip fills in from the environment",
                found["host"],
            )


def check_lines(lines: Sequence[str | None]) -> None:
    """Check that each of them is one line of `requirements.txt`; None is none.

    Raises:
        InvalidArgument: it has a line break or another control character.
    """
    for line in lines:
        if line is not None and (not line.strip() or not line.isprintable()):
            raise InvalidArgument(f"{line!r} cannot stand in requirements.txt: it is not one line of text")


def declared_lines(env: Mapping[str, Any]) -> list[str]:
    """The lines of `requirements.txt` as the `env` section of a manifest has them, without those of the library.

    Raises:
        InvalidArgument: they are no list, or one of them is not one line of text.
    """
    text = env.get("requirements_txt")
    declared = env.get("pip_packages") or []
    if not isinstance(declared, list):
        raise InvalidArgument("'env.pip_packages' of the manifest is no list")
    lines = text if isinstance(text, list) else text.splitlines() if isinstance(text, str) else declared
    lines = [str(line) for line in lines if str(line).strip()]
    check_lines(lines)
    return [line for line in lines if not names_distribution(line, DISTRIBUTION) and not _is_library_wheel(line)]


def _is_library_wheel(line: str) -> bool:
    return line.strip().startswith(f"./{LIBRARY_DIR}/")
