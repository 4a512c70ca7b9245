"""What a bundle wants of an environment, read from its files. Nothing of the bundle runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bentoml.deploy.environment.requirement_lines import Package, RequirementLines, read_lines
from bentoml.exceptions import BentoMLConfigException, BentoMLException, InvalidArgument
from bentoml.saved_bundle import layout
from bentoml.saved_bundle.layout import BundleLayout
from bentoml.saved_bundle.library_wheel import DISTRIBUTION, write_library_wheel
from bentoml.saved_bundle.requirements.environment import declared_lines
from bentoml.saved_bundle.requirements.lock import read_lock
from bentoml.saved_bundle.requirements.requirement_text import canonical_name, parse_requirement
from bentoml.saved_bundle.verified_files import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.saved_bundle.manifest import Manifest


@dataclass(frozen=True)
class Wanted:
    """What to install.

    Attributes:
        source: name of the file that says so.
        note: why it is not the file with exact versions, where the bundle has one.
        lines: all that it says, and the wheel of the library.
        has_setup_sh: whether the bundle also has a script to run before, which nobody runs here.
    """

    source: str
    lines: RequirementLines
    has_setup_sh: bool
    note: str | None = None

    @property
    def digest(self) -> str:
        """One digest of what is installed: options and packages in their order, whatever the interpreter."""
        options = (f"{option} {value}" for option, value in self.lines.options)
        packages = (package.identity for package in self.lines.packages)
        return hashlib.sha256("\0".join([*options, *packages]).encode()).hexdigest()


def read_wanted(path: Path, manifest: Manifest, scratch: Path, machine: str) -> Wanted:
    """What to install for a bundle.

    Args:
        path: directory of a bundle whose files have been checked, or of the package that pip installed from one.
        manifest: what it says about itself.
        scratch: existing directory for the wheel of the library, where the bundle has none.
        machine: what the interpreter is for, as the locks say it.

    Raises:
        BentoMLException: the bundle needs conda.
        BentoMLConfigException: its requirements.lock is none.
        InvalidArgument: a line of its requirements is not kept; see `read_lines`.
    """
    env: dict[str, Any] = manifest.document.get("env") or {}
    root = BundleLayout.of(path, manifest.service_name).root
    _refuse_conda(env, root)
    is_whole = root == path.resolve() and manifest.format_number > 0 and (root / layout.REQUIREMENTS).is_file()
    if not is_whole:
        # A package that pip has installed, or a bundle of an older format, whose library nobody can run here.
        lines = read_lines("\n".join(declared_lines(env)), root, layout.MANIFEST)
        library = write_library_wheel(scratch)
        return Wanted(layout.MANIFEST, _with_library(lines, library), has_setup_sh=env.get("setup_sh") is not None)
    note = _why_not_locked(root / layout.LOCK, machine)
    source = layout.REQUIREMENTS if note is not None else layout.LOCK
    lines = _with_library(read_lines(_text_of(root / source), root, source), _library_of(root))
    return Wanted(source, lines, has_setup_sh=(root / layout.SETUP_SH).is_file(), note=note or None)


def _why_not_locked(path: Path, machine: str) -> str | None:
    """Why exact versions cannot be taken; empty when the bundle has none, None when they can.

    Raises:
        BentoMLConfigException: the file is no lock.
    """
    if not path.is_file():
        return ""
    try:
        lock = read_lock(_text_of(path))
    except BentoMLConfigException as error:
        raise BentoMLConfigException(f"{path} is no lock of a bundle: {error}") from error
    if not lock.fits(machine):
        return f"{path.name} was made for {lock.made_for}, and this is {machine}"
    if lock.missing:
        return f"{path.name} is not complete: {'; '.join(lock.missing)}"
    return None


def _refuse_conda(env: dict[str, Any], root: Path) -> None:
    """A virtual environment holds no packages of conda, and a service that lacks them fails later.

    Raises:
        BentoMLException: the bundle declares some.
    """
    conda = env.get("conda_env")
    dependencies = conda.get("dependencies") if isinstance(conda, dict) else None
    if dependencies:
        raise BentoMLException(
            f"the bundle declares conda dependencies ({', '.join(map(str, dependencies))}), which a virtual "
            f"environment cannot hold; run: conda env create -f {root / layout.CONDA_ENVIRONMENT}, or build an image "
            "with bentoml containerize"
        )


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{path} cannot be read: {error}") from error


def _library_of(root: Path) -> Path:
    """The wheel of the library in a bundle."""
    wheels = sorted((root / layout.LIBRARY_DIR).glob(f"{DISTRIBUTION}-*.whl"))
    if len(wheels) != 1:
        raise BentoMLException(
            f"{root / layout.LIBRARY_DIR} holds {len(wheels) or 'no'} wheels of {DISTRIBUTION} instead of one; "
            "save the service again"
        )
    return wheels[0]


def _with_library(lines: RequirementLines, wheel: Path) -> RequirementLines:
    """The lines with the wheel of the library first, whatever they say about it themselves."""
    extras: set[str] = set()
    others = []
    for package in lines.packages:
        if package.name is None or canonical_name(package.name) != DISTRIBUTION:
            others.append(package)
            continue
        parsed = parse_requirement(package.text)
        extras |= parsed.extras if parsed is not None else set()
    named = f"{DISTRIBUTION}[{','.join(sorted(extras))}]" if extras else DISTRIBUTION
    library = Package(f"{named} @ {wheel.resolve().as_uri()}", file=wheel)
    if not lines.requires_hashes:
        return replace(lines, packages=(library, *others))
    return replace(lines, packages=tuple(_with_hash(package) for package in (library, *others)))


def _with_hash(package: Package) -> Package:
    """A package with a digest; files of the bundle, which have been checked, get theirs here."""
    if package.hashes:
        return package
    if package.file is None or not package.file.is_file():
        raise InvalidArgument(
            f"{package.text} has no --hash, while others have one, so that nobody knows what would be installed; "
            "save the service again"
        )
    return replace(package, hashes=(f"sha256:{file_digest(package.file)}",))
