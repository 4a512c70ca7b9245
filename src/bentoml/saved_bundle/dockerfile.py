"""What differs from one Dockerfile to the next: the values of its template.

Of the service only the name and the version get into it. Those that a service may have cannot end a word, a line or a
string; others are refused.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle.layout import ARTIFACTS_DIR, DIGESTS, DOCKERFILE, LIBRARY_DIR, PYTHON_VERSION, SETUP_SH
from bentoml.service.naming import validate_service_name, validate_version_str

if TYPE_CHECKING:
    from pathlib import Path

# pip keeps what it downloads between builds.
_CACHE = "--mount=type=cache,target=/root/.cache/pip"
# What only a build may know comes in files that no layer gets.
_SECRETS = " ".join(f"--mount=type=secret,id={name}" for name in ("pip_config", "netrc", "variables"))
# All files of the bundle's root have one of these names. What else lies there, such as `.git`, is no part of it.
_ROOT_FILES = ("[A-Za-z]*.*", DOCKERFILE, PYTHON_VERSION, f"{DIGESTS}*")
# BuildKit refuses lines of 64 KiB.
_LONGEST_LABEL = 48 * 1024
_SBOM_LABELS = re.compile(r' org\.bentoml\.sbom\.sha256="[0-9a-f]{64}"(?: org\.bentoml\.sbom="[A-Za-z0-9+/=]+")?')


@dataclass(frozen=True)
class DockerfileFacts:
    """What a Dockerfile depends on.

    Attributes:
        service_name: a Python identifier.
        service_version: version of the service.
        base_image: name of the image to start from, which has been checked.
        has_setup_sh: whether there is a `setup.sh`.
        has_system_packages: whether anything is installed with apt.
        has_build_packages: whether anything is installed with apt for pip alone.
        models_are_bigger: whether the artifacts weigh more than the rest of the bundle.
        sbom: its bill of materials; None when it has none.
        code_directories: names of the directories of the service's package, without that of the artifacts.
    """

    service_name: str
    service_version: str
    base_image: str
    has_setup_sh: bool
    has_system_packages: bool
    has_build_packages: bool
    models_are_bigger: bool
    sbom: bytes | None = None
    code_directories: tuple[str, ...] = ()


def dockerfile_values(facts: DockerfileFacts) -> dict[str, str]:
    """The values of the template's placeholders.

    Raises:
        InvalidArgument: the name or the version is none that a service may have, or a directory is no Python package.
    """
    return {
        "base_image": facts.base_image,
        "system_packages": "RUN ./bentoml-init.sh install_system_packages\n" if facts.has_system_packages else "",
        "copy_setup_sh": f"COPY {SETUP_SH} ./\n" if facts.has_setup_sh else "",
        "build_packages": "RUN ./bentoml-init.sh install_build_packages\n" if facts.has_build_packages else "",
        "cache": _CACHE,
        "secrets": _SECRETS,
        "copy_bundle": _copy_bundle(facts),
        "labels": _labels(facts),
    }


def models_are_bigger(root: Path, service_name: str) -> bool:
    """Whether the artifacts of a bundle weigh more than the rest of it, the library's wheel included."""
    models = sum(_sizes_bytes(root / service_name / ARTIFACTS_DIR))
    return models > sum(_sizes_bytes(root)) - models


def _sizes_bytes(directory: Path) -> list[int]:
    return [path.stat().st_size for path in directory.rglob("*") if path.is_file()]


def code_directories(root: Path, service_name: str) -> tuple[str, ...]:
    """Names of the directories of the service's package, sorted, without that of the artifacts."""
    entries = sorted((root / service_name).iterdir())
    return tuple(path.name for path in entries if path.is_dir() and path.name not in {ARTIFACTS_DIR, "__pycache__"})


def _copy_bundle(facts: DockerfileFacts) -> str:
    if not facts.models_are_bigger:
        return _copy(".", "./")
    service = validate_service_name(facts.service_name)
    directories = [LIBRARY_DIR, *(f"{service}/{_checked_directory(name)}" for name in facts.code_directories)]
    return "\n".join(
        [
            _copy(f"{service}/{ARTIFACTS_DIR}", f"./{service}/{ARTIFACTS_DIR}"),
            *(_copy(name, f"./{name}") for name in directories),
            _copy(*_ROOT_FILES, "./"),
            _copy(f"{service}/*.*", f"{service}/{DIGESTS}*", f"./{service}/"),
        ]
    )


def _checked_directory(name: str) -> str:
    if not name.isidentifier():
        raise InvalidArgument(f"the directory {name!r} of the bundle is no Python package; remove it")
    return name


def _copy(*words: str) -> str:
    """An instruction with its words as JSON, which nothing takes apart."""
    return f"COPY --chown=bentoml:bentoml {json.dumps(words, ensure_ascii=False)}"


def _labels(facts: DockerfileFacts) -> str:
    labels = {
        "org.opencontainers.image.title": validate_service_name(facts.service_name),
        "org.opencontainers.image.version": validate_version_str(facts.service_version),
        # SageMaker says the port in a variable then, when it runs several images together.
        "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true",
    }
    if facts.sbom is not None:
        labels.update(_sbom_labels(facts.sbom))
    return "LABEL " + " ".join(f'{key}="{value}"' for key, value in labels.items())


def with_sbom_labels(dockerfile: str, sbom: bytes) -> str:
    """A Dockerfile that was generated, with the labels of another bill of materials in place of those it has."""
    labels = "".join(f' {key}="{value}"' for key, value in _sbom_labels(sbom).items())
    return _SBOM_LABELS.sub(labels, dockerfile, count=1)


def _sbom_labels(sbom: bytes) -> dict[str, str]:
    """The whole bill, when it fits into a line, and its digest."""
    labels = {"org.bentoml.sbom.sha256": hashlib.sha256(sbom).hexdigest()}
    packed = base64.b64encode(gzip.compress(sbom, mtime=0)).decode()
    if len(packed) <= _LONGEST_LABEL:
        labels["org.bentoml.sbom"] = packed
    return labels
