"""The files that run the registry in containers, written for the very version that is running."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import TYPE_CHECKING

from bentoml._util.files import staged_directory
from bentoml._version import __version__
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.saved_bundle.library_wheel import write_library_wheel

if TYPE_CHECKING:
    from pathlib import Path

WHEELS = "wheels"


def write_registry_files(target: Path) -> list[str]:
    """Write an image's Dockerfile, a file for Compose, manifests for Kubernetes, and alert rules for Prometheus.

    The library goes with them as a wheel, so that the image holds the version that wrote the files.

    Args:
        target: directory that does not exist.

    Returns:
        Names of the files, below the directory.

    Raises:
        InvalidArgument: the directory exists.
        BentoMLException: it cannot be written.
    """
    if target.exists():
        raise InvalidArgument(f"{target} exists; name a directory that does not, and move your changes over")
    values = {"@@version@@": __version__, "@@python@@": f"{sys.version_info.major}.{sys.version_info.minor}"}
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        with staged_directory(target.absolute()) as staged:
            for source in files("bentoml.deploy.registry").joinpath("files").iterdir():
                text = source.read_text(encoding="utf-8")
                for mark, value in values.items():
                    text = text.replace(mark, value)
                (staged / source.name).write_text(text, encoding="utf-8")
            (staged / WHEELS).mkdir()
            write_library_wheel(staged / WHEELS)
            return sorted(path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file())
    except OSError as error:
        raise BentoMLException(f"{target} cannot be written: {error.strerror or error}") from error
