"""What an engine says about an image that it has built."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bentoml._util import proc

_LIMIT_S = 60.0
_FORMATS = {"docker": "{{.Size}} {{.Id}}", "podman": "{{.Size}} {{.Digest}}"}


@dataclass(frozen=True)
class ImageFacts:
    """An image in the storage of this machine.

    Attributes:
        size_bytes: of all layers, as they lie there, unpacked; None where the engine does not tell.
        digest: `sha256:...` of its manifest, or of its configuration where docker knows no other. A registry, which
            gets the layers compressed, may give another one.
    """

    size_bytes: int | None
    digest: str


def image_facts(engine: str, name: str) -> ImageFacts | None:
    """Ask an engine for an image.

    Args:
        engine: name of the program that built it.
        name: whole name of the image.

    Returns:
        None where the engine has no such image: an index of several, or one that went to a registry or archive alone.
    """
    if engine == "buildah":
        return _of_buildah(name)
    done = proc.run([engine, "image", "inspect", f"--format={_FORMATS[engine]}", name], timeout_s=_LIMIT_S)
    words = done.stdout.split()
    if done.returncode != 0 or len(words) != 2 or not words[0].isdigit():
        return None
    return ImageFacts(int(words[0]), words[1])


def _of_buildah(name: str) -> ImageFacts | None:
    done = proc.run(["buildah", "images", "--json", name], timeout_s=_LIMIT_S)
    if done.returncode != 0:
        return None
    try:
        (found,) = json.loads(done.stdout)
        # Its size is a rounded text.
        return ImageFacts(None, str(found["digest"]))
    except (ValueError, TypeError, KeyError):
        return None


def run_command(engine: str, name: str) -> tuple[str, ...]:
    """The words of a command that runs an image; buildah runs none itself, and shares its storage with podman."""
    return ("podman" if engine == "buildah" else engine, "run", "-p", "5000:5000", name)
