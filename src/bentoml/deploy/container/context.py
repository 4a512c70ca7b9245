"""The directory that an image is built from: the bundle itself, or a copy with what it lacks.

A whole bundle is built where it is. What pip has installed of one is its package alone, and bundles of older formats
have a Dockerfile for images that are gone; for both the rest is made again from the manifest.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import yaml

from bentoml._util.files import write_atomic
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle import layout
from bentoml.saved_bundle.generated_files import GeneratedFiles
from bentoml.saved_bundle.integrity import write_digests
from bentoml.saved_bundle.layout import BundleLayout
from bentoml.saved_bundle.library_wheel import WHEEL_NAME, write_library_wheel
from bentoml.saved_bundle.requirements.environment import declared_lines
from bentoml.service.conda_env import DEFAULT_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.saved_bundle.manifest import Manifest

_LEFT_OUT = ("__pycache__", "*.egg-info")


def whole_bundle(path: Path, manifest: Manifest) -> Path | None:
    """The directory that can be built from as it is; None when it has to be made."""
    return path.resolve() if _is_whole(path, manifest) and not manifest.other_entries else None


def write_context(path: Path, manifest: Manifest, target: Path) -> None:
    """Write the whole context into an empty directory.

    Args:
        path: directory of a bundle, or of the package that was installed from one.
        manifest: what it says about itself.
        target: existing directory.

    Raises:
        BentoMLException: the manifest lacks what an image needs.
        InvalidArgument: a value of the manifest cannot stand in the files of a bundle.
    """
    paths = BundleLayout.of(path, manifest.service_name)
    ignored = shutil.ignore_patterns(*_LEFT_OUT)
    if _is_whole(path, manifest):
        others = set(manifest.other_entries)
        for entry in sorted(paths.root.iterdir()):
            if entry.name in others or entry.name in ignored(str(paths.root), [entry.name]):
                continue
            _copy(entry, target / entry.name)
        return
    _copy(paths.service_dir, target / manifest.service_name)
    _complete(paths, manifest, target)


def _is_whole(path: Path, manifest: Manifest) -> bool:
    """Whether the directory itself, whose files have been checked, is a bundle of the present format."""
    # What lies beside an installed package is nobody's, whatever it is called.
    root = BundleLayout.of(path, manifest.service_name).root
    return root == path.resolve() and (root / layout.DOCKERFILE).is_file() and manifest.format_number > 0


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    else:
        shutil.copy2(source, target)


def _complete(paths: BundleLayout, manifest: Manifest, target: Path) -> None:
    """Everything of a bundle but its package, made from the manifest."""
    env: dict[str, Any] = manifest.document.get("env") or {}
    if not manifest.python_version:
        raise BentoMLException(
            f"the manifest of {manifest.service_name} does not say which Python it needs; "
            "load the bundle and save it again"
        )
    library_line = f"./{layout.LIBRARY_DIR}/{WHEEL_NAME}"
    lines = [library_line, *declared_lines(env)]
    setup_sh = _text(env.get("setup_sh"))
    conda = env.get("conda_env") or {"name": DEFAULT_NAME, "dependencies": []}
    (target / layout.LIBRARY_DIR).mkdir()
    write_library_wheel(target / layout.LIBRARY_DIR)
    shutil.copy2(paths.service_dir / layout.MANIFEST, target / layout.MANIFEST)
    write_atomic(target / layout.REQUIREMENTS, "".join(f"{line}\n" for line in lines))
    write_atomic(target / layout.PYTHON_VERSION, manifest.python_version)
    write_atomic(target / layout.CONDA_ENVIRONMENT, yaml.safe_dump(conda, sort_keys=False, allow_unicode=True))
    if setup_sh is not None:
        write_atomic(target / layout.SETUP_SH, setup_sh, executable=True)
    GeneratedFiles(
        service_name=manifest.service_name,
        service_version=manifest.service_version,
        docs="",
        base_image=_base_image(env, manifest),
        conda_declared=isinstance(conda, dict) and bool(conda.get("dependencies")),
        has_setup_sh=setup_sh is not None,
        library_wheel=library_line,
        requirements=lines,
    ).write(target)
    write_digests(target)


def _base_image(env: dict[str, Any], manifest: Manifest) -> str:
    """The declared image; the images of the classic system are no more, so a slim Python stands for them."""
    declared = env.get("docker_base_image")
    if isinstance(declared, str) and declared and not declared.startswith("bentoml/model-server"):
        return declared
    return f"python:{'.'.join(manifest.python_version.split('.')[:2])}-slim"


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.decode() if isinstance(value, bytes) else str(value)
