"""What differs from one Dockerfile to the next: the values of its template.

Of the service only the name and the version get into it. Those that a service may have cannot end a word, a line or a
string; others are refused.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.saved_bundle.layout import ARTIFACTS_DIR, SETUP_SH
from bentoml.service.naming import validate_service_name, validate_version_str

if TYPE_CHECKING:
    from pathlib import Path

# pip keeps what it downloads between builds; what only it may know it reads from files that no layer gets.
_MOUNTS = (
    "--mount=type=cache,target=/root/.cache/pip",
    "--mount=type=secret,id=pip_config",
    "--mount=type=secret,id=netrc",
)
_CODE_STAGE = """
# All of the bundle but the models, which have a layer of their own.
FROM base AS code

COPY . ./
RUN {remove_models}
"""
# BuildKit refuses lines of 64 KiB.
_LONGEST_LABEL = 48 * 1024


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
    """

    service_name: str
    service_version: str
    base_image: str
    has_setup_sh: bool
    has_system_packages: bool
    has_build_packages: bool
    models_are_bigger: bool
    sbom: bytes | None = None


def dockerfile_values(facts: DockerfileFacts) -> dict[str, str]:
    """The values of the template's placeholders.

    Raises:
        InvalidArgument: the name or the version is none that a service may have.
    """
    return {
        "base_image": facts.base_image,
        "system_packages": "RUN ./bentoml-init.sh install_system_packages\n" if facts.has_system_packages else "",
        "copy_setup_sh": f"COPY {SETUP_SH} ./\n" if facts.has_setup_sh else "",
        "build_packages": "RUN ./bentoml-init.sh install_build_packages\n" if facts.has_build_packages else "",
        "mounts": " ".join(_MOUNTS),
        "code_stage": _code_stage(facts),
        "copy_bundle": _copy_bundle(facts),
        "labels": _labels(facts),
    }


def models_are_bigger(root: Path, service_name: str) -> bool:
    """Whether the artifacts of a bundle weigh more than the rest of it, the library's wheel included."""
    models = sum(_sizes_bytes(root / service_name / ARTIFACTS_DIR))
    return models > sum(_sizes_bytes(root)) - models


def _sizes_bytes(directory: Path) -> list[int]:
    return [path.stat().st_size for path in directory.rglob("*") if path.is_file()]


def _code_stage(facts: DockerfileFacts) -> str:
    if not facts.models_are_bigger:
        return ""
    return _CODE_STAGE.format(remove_models=_exec_form("rm", "-rf", f"{facts.service_name}/{ARTIFACTS_DIR}"))


def _copy_bundle(facts: DockerfileFacts) -> str:
    if not facts.models_are_bigger:
        return "COPY --chown=bentoml:bentoml . ./"
    models = _exec_form(f"{facts.service_name}/{ARTIFACTS_DIR}", f"./{facts.service_name}/{ARTIFACTS_DIR}")
    return f"COPY --chown=bentoml:bentoml {models}\nCOPY --from=code --chown=bentoml:bentoml $BUNDLE_PATH ./"


def _exec_form(*words: str) -> str:
    """Words of an instruction as JSON, which no shell sees."""
    return json.dumps(words, ensure_ascii=False)


def _labels(facts: DockerfileFacts) -> str:
    labels = {
        "org.opencontainers.image.title": validate_service_name(facts.service_name),
        "org.opencontainers.image.version": validate_version_str(facts.service_version),
    }
    if facts.sbom is not None:
        labels.update(_sbom_labels(facts.sbom))
    return "LABEL " + " ".join(f'{key}="{value}"' for key, value in labels.items())


def _sbom_labels(sbom: bytes) -> dict[str, str]:
    """The whole bill, when it fits into a line, and its digest."""
    labels = {"org.bentoml.sbom.sha256": hashlib.sha256(sbom).hexdigest()}
    packed = base64.b64encode(gzip.compress(sbom, mtime=0)).decode()
    if len(packed) <= _LONGEST_LABEL:
        labels["org.bentoml.sbom"] = packed
    return labels
