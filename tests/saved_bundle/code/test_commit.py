"""Which commit a service comes from, with real repositories."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from bentoml._util import proc
from bentoml.saved_bundle import load, load_saved_bundle_config, save_to_dir
from bentoml.saved_bundle.code.commit import Commit, commit_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project

SERVICE = """
import sys
import bentoml
from helper import GREETING

class Committed(bentoml.BentoService):
    greeting = GREETING

if __name__ == "__main__":
    Committed().save_to_dir(sys.argv[1], version="1")
"""


class Repository:
    """A git repository in which one file is committed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *argv: str) -> str:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
        return proc.run(["git", "-C", str(self.root), *who, *argv], timeout_s=60, check=True).stdout.strip()

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            (self.root / f"{name}.py").write_text(text, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "More")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_commit_and_branch_are_told(repository: Repository) -> None:
    commit = repository.commit(service="x = 1\n")
    module = repository.root / "service.py"
    assert commit_of(module, [module]) == Commit(commit, "main", modified=False)


def test_changed_and_new_files_are_told(repository: Repository) -> None:
    repository.commit(service="x = 1\n", other="y = 1\n")
    module, other, new = (repository.root / name for name in ("service.py", "other.py", "new.py"))
    other.write_text("y = 2\n", encoding="utf-8")
    new.write_text("z = 1\n", encoding="utf-8")
    modified = [getattr(commit_of(module, files), "modified", "") for files in ([module], [module, other], [new])]
    assert modified == [False, True, True]


def test_no_branch_is_told_of_a_commit_without_one(repository: Repository) -> None:
    commit = repository.commit(service="x = 1\n")
    repository.git("checkout", "--quiet", "--detach")
    module = repository.root / "service.py"
    assert commit_of(module, [module]) == Commit(commit, "", modified=False)


def test_work_trees_of_a_repository_are_known(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit(service="x = 1\n")
    repository.git("worktree", "add", "--quiet", "-b", "feature", str(tmp_path / "tree"))
    module = tmp_path / "tree" / "service.py"
    assert commit_of(module, [module]) == Commit(commit, "feature", modified=False)


def test_files_named_like_patterns_are_taken_by_their_names(repository: Repository) -> None:
    repository.commit(service="x = 1\n")
    odd = repository.root / "*.py"
    repository.root.joinpath("service.py").write_text("x = 2\n", encoding="utf-8")
    found = commit_of(odd, [odd])
    assert found is not None
    assert found.modified is False


def test_nothing_is_told_outside_of_a_repository_and_before_its_first_commit(
    repository: Repository, tmp_path: Path
) -> None:
    alone = tmp_path / "alone.py"
    alone.touch()
    inside = repository.root / "service.py"
    inside.touch()
    assert commit_of(alone, [alone]) is None
    assert commit_of(inside, [inside]) is None


def test_programs_that_a_repository_names_are_not_started(repository: Repository, tmp_path: Path) -> None:
    repository.commit(service="x = 1\n")
    repository.git("config", "core.fsmonitor", f"touch {tmp_path / 'started'}; false")
    module = repository.root / "service.py"
    assert commit_of(module, [module]) is not None
    assert not (tmp_path / "started").exists()


def test_a_machine_without_git_saves_all_the_same(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository.commit(service="x = 1\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    module = repository.root / "service.py"
    assert commit_of(module, [module]) is None


def test_manifest_tells_the_commit_and_keeps_it_when_the_bundle_is_saved_again(
    project: Project, bundle_dir: Path, tmp_path: Path
) -> None:
    repository = Repository(project.root)
    commit = repository.commit(service=SERVICE, helper="GREETING = 'hi'\n")
    done = proc.run([sys.executable, "service.py", str(bundle_dir)], cwd=project.root, timeout_s=60)
    assert (done.returncode, done.stderr) == (0, "")
    origin = {"commit": commit, "branch": "main", "modified": False}
    assert load_saved_bundle_config(bundle_dir).document["source"] == origin
    service: Any = load(bundle_dir)
    (tmp_path / "again").mkdir()
    save_to_dir(service, tmp_path / "again", version="2")
    assert load_saved_bundle_config(tmp_path / "again").document["source"] == origin
