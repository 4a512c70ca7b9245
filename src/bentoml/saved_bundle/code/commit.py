"""Which commit of a git repository the code of a service comes from."""

from __future__ import annotations

import logging
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util import proc
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

SECTION = "source"
_TIMEOUT_S = 5.0
# As many as an argument list takes on every system; of more files nobody says whether one was changed.
_MOST_FILES = 500
# What a repository says about itself must not start programs, and nobody else's work waits for ours.
_SAFELY = ("-c", "core.fsmonitor=false", "--no-optional-locks", "--literal-pathspecs")


@dataclass(frozen=True)
class Commit:
    """Where code comes from.

    Attributes:
        commit: its name, 40 or 64 hex digits.
        branch: the branch that was checked out; empty for none.
        modified: whether one of the files is not as it is in the commit; None where nobody looked.
    """

    commit: str
    branch: str
    modified: bool | None

    def manifest_section(self) -> dict[str, Any]:
        """As it stands in the manifest: what is known."""
        values = {"commit": self.commit, "branch": self.branch or None, "modified": self.modified}
        return {key: value for key, value in values.items() if value is not None}


def commit_of(module_file: Path, files: Sequence[Path]) -> Commit | None:
    """The commit that is checked out where a module lies.

    Args:
        module_file: the file of the module.
        files: all source files, among which those of other places are not looked at.

    Returns:
        None outside of a repository, in one without a commit, and where there is no git.
    """
    root = next((parent for parent in module_file.absolute().parents if (parent / ".git").exists()), None)
    git = shutil.which("git")
    if root is None or git is None:
        return None
    own = [str(file) for file in files if file.absolute().is_relative_to(root)]
    looked_at = own if len(own) <= _MOST_FILES else []
    command = [git, "-C", str(root), *_SAFELY, "status", "--porcelain=v2", "--branch", "--untracked-files=all"]
    try:
        done = proc.run([*command, "--", *(looked_at or [".git"])], timeout_s=_TIMEOUT_S, env={"LC_ALL": "C"})
    except BentoMLException as error:
        logger.debug("The commit of %s is not known: %s", root, error)
        return None
    if done.returncode != 0:
        logger.debug("The commit of %s is not known: %s", root, done.stderr.strip())
        return None
    return _parse(done.stdout, whether_modified=bool(looked_at))


def _parse(text: str, *, whether_modified: bool) -> Commit | None:
    lines = text.splitlines()
    heads = dict(line[2:].partition(" ")[::2] for line in lines if line.startswith("# "))
    commit = heads.get("branch.oid", "")
    if re.fullmatch(r"[0-9a-f]{40,64}", commit) is None:  # `(initial)`: nothing was committed yet
        return None
    branch = heads.get("branch.head", "")
    modified = any(not line.startswith("# ") for line in lines) if whether_modified else None
    return Commit(commit, "" if branch == "(detached)" else branch, modified)
