"""From a bundle to an environment: one that is there already, or a new one."""

from __future__ import annotations

import hashlib
import shlex
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml.deploy.environment.installers import FROM_OUTSIDE, Installation, choose_installer
from bentoml.deploy.environment.interpreters import find_interpreter
from bentoml.deploy.environment.store import EnvironmentHome, Record, environments_root
from bentoml.deploy.environment.wanted import read_wanted
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.signing import checked_manifest

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from bentoml.deploy.environment.installers import Installer, Step
    from bentoml.deploy.environment.interpreters import Interpreter
    from bentoml.deploy.environment.wanted import Wanted
    from bentoml.saved_bundle.manifest import Manifest

# Changes when environments are made in another way, so that older ones are not taken for them.
_FORMAT = "1"
_DIGEST_LENGTH = 16
_LAST_LINES = 20
_REQUIREMENTS = "environment.requirements.txt"


@dataclass(frozen=True)
class EnvironmentOptions:
    """What is wanted of an environment.

    Attributes:
        python: version, or path of an interpreter; None is the version that the bundle was saved with.
        path: directory for it; None is one that bundles with the same requirements share.
        force: make it anew when it is there.
        only_wheels: build nothing from source, so that nothing of the bundle and of its packages runs.
        installer: `uv` or `pip`; None takes the first of them that can do it.
        verify: compare the files of the bundle with their digests.
    """

    python: str | None = None
    path: Path | None = None
    force: bool = False
    only_wheels: bool = False
    installer: str | None = None
    verify: bool = True


@dataclass(frozen=True)
class Environment:
    """An environment that is ready.

    Attributes:
        home: where it is.
        record: what it was made from.
        is_new: whether it was made just now.
        needs: what the bundle wants to be installed, as one digest.
    """

    home: EnvironmentHome
    record: Record
    is_new: bool
    needs: str


def create_environment(
    bundle_path: str | os.PathLike[str],
    options: EnvironmentOptions | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Environment:
    """Make the virtual environment of a bundle, or find the one that was made before for the same requirements.

    Args:
        bundle_path: directory of the bundle, or of the package that was installed from it.
        options: what is wanted.
        on_line: called with each line about what happens, while it happens.

    Raises:
        BentoMLConfigException: it is not a bundle.
        BundleIntegrityException: a file of the bundle was changed, added or removed.
        BundleSignatureException: only signed bundles are trusted here (`bundles.require_signature`), and it is not.
        InvalidArgument: an option cannot be, or a line of the requirements is refused.
        BentoMLException: the bundle needs conda, the Python is not there, the directory is taken or in use, or
            something could not be installed; the text has the last lines that the installer printed.
    """
    wishes = options or EnvironmentOptions()
    path = Path(bundle_path)
    say = on_line or _say_nothing
    manifest = checked_manifest(path, verify=wishes.verify)
    interpreter = find_interpreter(manifest.python_version, wishes.python)
    with tempfile.TemporaryDirectory(prefix="bentoml-environment-") as scratch:
        wanted = read_wanted(path, manifest, Path(scratch), interpreter.machine)
        making = _Making(manifest, wishes, interpreter, wanted, say)
        digest = making.digest()
        home = _home_for(digest, wishes, path)
        if not wishes.force:
            found = making.found(home, digest)
            if found is not None:
                return found
        return making.make(home, digest)


def _say_nothing(line: str) -> None:
    """For those who only want the result."""


def _home_for(digest: str, options: EnvironmentOptions, bundle_path: Path) -> EnvironmentHome:
    if options.path is None:
        return EnvironmentHome(environments_root() / digest)
    path = options.path.expanduser().absolute()
    if path.resolve().is_relative_to(bundle_path.resolve()):
        raise BentoMLException(f"{path} lies in the bundle, which would not be the saved one any more; name another")
    return EnvironmentHome(path)


@dataclass(frozen=True)
class _Making:
    """Making one environment."""

    manifest: Manifest
    options: EnvironmentOptions
    interpreter: Interpreter
    wanted: Wanted
    say: Callable[[str], None]

    def digest(self) -> str:
        """The name of what will be in it: options and packages in their order, and the interpreter."""
        lines = self.wanted.lines
        parts = [
            _FORMAT,
            self.interpreter.identity,
            *(f"{option} {value}" for option, value in lines.options),
            *(package.identity for package in lines.packages),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGEST_LENGTH]

    def found(self, home: EnvironmentHome, digest: str) -> Environment | None:
        """The environment, when it is there already."""
        record = home.record()
        if record is None or record.digest != digest:
            return None
        home.mark_used()
        return Environment(home, record, is_new=False, needs=self.wanted.digest)

    def make(self, home: EnvironmentHome, digest: str) -> Environment:
        """Make it, unless another process has just done so."""
        if self.options.only_wheels:
            self._refuse_sources()
        installer, reason = choose_installer(self.options.installer, has_hashes=self.wanted.lines.requires_hashes)
        is_there = home.record() is not None

        def wait() -> None:
            self.say(f"Waiting for another process that makes {home.path}")

        with home.locked(None if is_there else wait) as descriptor:
            if not self.options.force:
                found = self.found(home, digest)
                if found is not None:
                    return found
            self._check_place(home)
            if reason is not None:
                self.say(f"Using pip: {reason}")
            if self.wanted.note is not None:
                self.say(f"{self.wanted.note}; {self.wanted.source} is taken")
            if self.wanted.has_setup_sh:
                self.say("The bundle has a setup.sh, which is not run here: run what it does yourself if it is needed")
            return self._fill(home, digest, installer, descriptor)

    def _refuse_sources(self) -> None:
        for package in self.wanted.lines.packages:
            if package.is_built:
                raise BentoMLException(
                    f"{package.text} is no wheel, and only wheels are wanted; take another requirement, or let it be "
                    "built by leaving --only-wheels out"
                )

    def _check_place(self, home: EnvironmentHome) -> None:
        """Never remove what others have put there.

        Raises:
            BentoMLException: a directory that the user has named holds something else.
        """
        if self.options.path is None or home.is_empty or home.is_begun:
            return
        record = home.record()
        if record is None:
            raise BentoMLException(f"{home.path} holds something else than an environment; name an empty directory")
        if not self.options.force:
            raise BentoMLException(
                f"{home.path} holds another environment, made for {record.bundle}; name another directory, or "
                "replace it with --force"
            )

    def _fill(self, home: EnvironmentHome, digest: str, installer: Installer, descriptor: int) -> Environment:
        tag = f"{self.manifest.service_name}:{self.manifest.service_version}"
        installation = Installation(
            home.path, home.path / _REQUIREMENTS, self.wanted.lines, only_wheels=self.options.only_wheels
        )
        try:
            home.begin()
            self.say(
                f"Making an environment for {tag} with Python {self.interpreter.version} and {installer.name}, "
                f"from {self.wanted.source}"
            )
            installation.requirements.write_text(installer.text(installation), encoding="utf-8")
            for step in installer.steps(self.interpreter, installation):
                self._run(step, descriptor)
            record = Record(digest, tag, self.interpreter.version, self.wanted.source, installer.name, time.time())
            home.finish(record)
        except OSError as error:
            home.remove()
            raise BentoMLException(f"{home.path} cannot be written: {error.strerror or error}") from error
        except BaseException:
            home.remove()
            raise
        return Environment(home, record, is_new=True, needs=self.wanted.digest)

    def _run(self, step: Step, descriptor: int) -> None:
        """Run one step, which holds the lock as long as it runs, also when this process is killed."""
        tail: list[str] = []

        def take(line: str) -> None:
            tail.append(line)
            del tail[:-_LAST_LINES]
            self.say(line)

        code = proc.stream(step.argv, take, env=step.env, without=FROM_OUTSIDE, pass_fds=(descriptor,))
        if code != 0:
            raise BentoMLException("\n".join([f"{shlex.join(step.argv)} failed with exit code {code}:", *tail]))
