from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bentoml.deploy.plans import Plan, Program, Workshop, plan_text, write_plan
from bentoml.deploy.plans.workshop import open_workshop
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.yatai.deployment_models import DeploymentResource

HOSTILE = 'it\'s; $(touch hacked) `touch hacked` "x" \n touch hacked'
PRINT = "import sys; print(open('in/a.txt').read() + '|'.join(sys.argv[1:]))"
PLAN = Plan(
    {"in/a.txt": "one\n", "b.yaml": "two: 2"},
    (
        Program("say it", (sys.executable, "-c", PRINT, HOSTILE), (DeploymentResource("text", "a", {"where": "x"}),)),
        Program("it's over", ("echo", "over"), secret_env={"TOKEN": "hunter2"}),
    ),
    ("A note.",),
)


def test_text_has_files_steps_and_notes() -> None:
    plan = Plan(PLAN.files, PLAN.steps[1:], PLAN.notes)
    assert plan_text(plan) == ("# in/a.txt\none\n\n# b.yaml\ntwo: 2\n\n# 1. it's over\necho over\n\n# Note: A note.")


def test_text_and_files_when_a_step_has_a_secret_keep_it(tmp_path: Path) -> None:
    write_plan(PLAN, tmp_path / "plan")
    written = "".join(path.read_text() for path in (tmp_path / "plan").rglob("*") if path.is_file())
    assert "hunter2" not in written + plan_text(PLAN) + repr(PLAN)


def test_written_plan_when_run_by_a_shell_does_the_same(tmp_path: Path) -> None:
    write_plan(PLAN, tmp_path / "deep" / "plan")
    directory = tmp_path / "deep" / "plan"
    done = subprocess.run(["./steps.sh"], cwd=directory, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"one\n{HOSTILE}\nover\n"
    assert sorted(path.name for path in directory.rglob("*")) == ["a.txt", "b.yaml", "in", "steps.json", "steps.sh"]
    steps = json.loads((directory / "steps.json").read_text())
    assert [step["title"] for step in steps] == ["say it", "it's over"]
    assert steps[0]["creates"] == [{"kind": "text", "id": "a", "detail": {"where": "x"}}]


def test_write_plan_when_the_directory_has_something_refuses(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BentoMLException, match="is not empty"):
        write_plan(PLAN, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("below", "reason"), [("file/plan", "File exists"), ("file/deep/plan", "Not a directory")])
def test_write_plan_when_the_directory_cannot_be_made_says_why(tmp_path: Path, below: str, reason: str) -> None:
    (tmp_path / "file").touch()
    directory = tmp_path / below
    with pytest.raises(BentoMLException, match=f"plan cannot be made: {reason}; give another directory"):
        write_plan(PLAN, directory)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../b", "", ".", "a//b", "a/"])
def test_plan_when_a_file_lies_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="cannot be the name of a file"):
        Plan({name: ""})


def test_program_when_run_hands_on_what_it_prints_and_takes_no_value_apart() -> None:
    said: list[str] = []
    with open_workshop(PLAN.files, said.append) as workshop:
        PLAN.steps[0].run(workshop)
        assert not (workshop.directory / "hacked").exists()
        assert workshop.directory.stat().st_mode & 0o777 == 0o700
    assert said == ["one", *HOSTILE.splitlines()]
    assert not workshop.directory.exists()


def test_program_when_it_fails_says_why(tmp_path: Path) -> None:
    step = Program("fail", (sys.executable, "-c", "import sys; sys.exit('no quota')"), secret_env={"TOKEN": "hunter2"})
    with pytest.raises(BentoMLException, match="no quota") as caught:
        step.run(Workshop(tmp_path))
    assert "hunter2" not in str(caught.value)


def test_program_when_it_has_a_secret_sees_it(tmp_path: Path) -> None:
    said: list[str] = []
    code = "import os; print(os.environ['TOKEN'])"
    Program("ask", (sys.executable, "-c", code), secret_env={"TOKEN": "t"}).run(Workshop(tmp_path, said.append))
    assert said == ["t"]
