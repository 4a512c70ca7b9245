"""Files of a bundle that are generated from templates.

Every value that is put into one is checked or quoted for the language of that file: a value that could end its word,
line or string is refused.
"""

from __future__ import annotations

import importlib.resources
import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml._util.files import write_atomic
from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle import layout
from bentoml.saved_bundle.dockerfile import DockerfileFacts, code_directories, dockerfile_values, models_are_bigger
from bentoml.saved_bundle.library_wheel import DISTRIBUTION
from bentoml.saved_bundle.requirements.requirement_text import canonical_name, parse_requirement
from bentoml.saved_bundle.requirements.system_packages import build_packages, run_time_packages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bentoml.service import BentoService

_PLACEHOLDER = re.compile(r"@@(\w+)@@")
# registry.example:5000/team/image:tag@sha256:...; no blanks, quotes, `$` or backslashes.
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")
_DISTRIBUTION_NAME_REST = re.compile(r"[^A-Za-z0-9]+")
_RELEASE = re.compile(r"(?P<release>[0-9]+(?:\.[0-9]+)*)?(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True)
class GeneratedFiles:
    """What the generated files are made from.

    Attributes:
        service_name: a Python identifier.
        service_version: version of the service.
        docs: text about the service, Markdown.
        base_image: the image that the Dockerfile starts from.
        conda_declared: whether the environment asks for conda.
        has_setup_sh: whether there is a `setup.sh`.
        library_wheel: path of the library's wheel, relative to the bundle.
        requirements: lines of requirements.txt.
    """

    service_name: str
    service_version: str
    docs: str
    base_image: str
    conda_declared: bool
    has_setup_sh: bool
    library_wheel: str
    requirements: Sequence[str]

    def write(self, root: Path) -> None:
        """Write all of them into the bundle.

        Raises:
            InvalidArgument: a value cannot stand in its file.
        """
        write_atomic(root / layout.README, self._readme())
        write_atomic(root / layout.DOCKERFILE, self._dockerfile(root))
        write_atomic(root / layout.DOCKER_ENTRYPOINT, _render("docker-entrypoint.sh", {}), executable=True)
        write_atomic(root / layout.INIT_SCRIPT, self._init_script(), executable=True)
        write_atomic(root / layout.SETUP_PY, self._setup_py())
        write_atomic(root / layout.SDIST_MANIFEST, self._sdist_manifest())
        write_atomic(root / self.service_name / layout.PACKAGE_INIT, self._package_init())

    def _readme(self) -> str:
        text = _render("README.md", {"tag": f"{self.service_name}:{self.service_version}", "docs": self.docs})
        # A docstring may hold code points that are no characters.
        return text.encode("utf-8", "replace").decode()

    def _dockerfile(self, root: Path) -> str:
        sbom = root / layout.SBOM
        values = dockerfile_values(
            DockerfileFacts(
                service_name=self.service_name,
                service_version=self.service_version,
                base_image=checked_image(self.base_image),
                has_setup_sh=self.has_setup_sh,
                has_system_packages=bool(run_time_packages(self.requirements)),
                has_build_packages=bool(build_packages(self.requirements)),
                models_are_bigger=models_are_bigger(root, self.service_name),
                sbom=sbom.read_bytes() if sbom.is_file() else None,
                code_directories=code_directories(root, self.service_name),
            )
        )
        return _render("Dockerfile", values)

    def _init_script(self) -> str:
        return _render(
            "bentoml-init.sh",
            {
                "conda_declared": "yes" if self.conda_declared else "no",
                "system_packages": " ".join(run_time_packages(self.requirements)),
                "build_packages": " ".join(build_packages(self.requirements)),
            },
        )

    def _setup_py(self) -> str:
        return _render(
            "setup.py.txt",
            {
                "name": ascii(self.service_name),
                "distribution": ascii(distribution_name(self.service_name)),
                "version": ascii(pep440_version(self.service_version)),
                "description": ascii(f"BentoService {self.service_name}"),
                "requirements": ascii(_installable(self.requirements)),
                "library_wheel": ascii(self.library_wheel),
            },
        )

    def _sdist_manifest(self) -> str:
        include_setup_sh = f"include {layout.SETUP_SH}\n" if self.has_setup_sh else ""
        return _render("MANIFEST.in", {"name": self.service_name, "include_setup_sh": include_setup_sh})

    def _package_init(self) -> str:
        return _render(
            "package_init.py.txt", {"name": ascii(self.service_name), "version": ascii(self.service_version)}
        )


def checked_image(image: str) -> str:
    """The name of an image, when it is one.

    Raises:
        InvalidArgument: it has a character that no image name has.
    """
    if not _IMAGE.fullmatch(image):
        raise InvalidArgument(
            f"docker_base_image {image!r} is not the name of an image; write it as [registry/]name[:tag][@digest]"
        )
    return image


def distribution_name(service_name: str) -> str:
    """Name of the pip package of a service: ASCII letters, digits and `_` between them."""
    return _DISTRIBUTION_NAME_REST.sub("_", service_name).strip("_") or "bento_service"


def pep440_version(version: str) -> str:
    """The version of a service in a form that pip allows.

    What pip cannot read becomes a local part: `20210315141834_08BDA2` is `20210315141834+08bda2`.
    """
    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(version))
    except InvalidVersion:
        match = _RELEASE.fullmatch(version)
        assert match is not None
        local = ".".join(part for part in re.split(r"[^a-z0-9]+", match["rest"].lower()) if part)
        return str(Version(f"{match['release'] or '0'}{'+' if local else ''}{local}"))


def service_docs(service: BentoService) -> str:
    """The docstring of a service's own class; empty when it has none."""
    return inspect.cleandoc(vars(type(service)).get("__doc__") or "")


def _installable(requirements: Sequence[str]) -> list[str]:
    """The lines that can stand in a package's metadata; options and paths cannot, and the library has its own."""
    parsed = (parse_requirement(line.partition(" #")[0].strip()) for line in requirements)
    return [str(one) for one in parsed if one is not None and canonical_name(one.name) != DISTRIBUTION]


def _render(template: str, values: Mapping[str, str]) -> str:
    text = (importlib.resources.files(__package__ or __name__) / "templates" / template).read_text(encoding="utf-8")
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
