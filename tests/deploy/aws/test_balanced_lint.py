"""The templates of servers behind load balancers, as the schemas of CloudFormation have them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.aws.balanced import REGION
from tests.deploy.aws.test_balanced_templates import ALL, template_of

pytestmark = pytest.mark.environment("aws")


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from cfnlint.runner import main; sys.exit(main())"
    files = sorted(str(path) for path in directory.glob("*.json"))
    argv = [sys.executable, "-W", "ignore", "-c", code, "--regions", REGION, "--", *files]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_templates_pass_the_checks_of_cfn_lint(tmp_path: Path) -> None:
    for platform, kind in ALL:
        (tmp_path / f"{platform}-{kind}.json").write_text(json.dumps(template_of(platform, kind)))
    done = lint(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_templates_with_a_fault_do_not_pass(tmp_path: Path) -> None:
    template = template_of("ecs", "plain")
    template["Resources"]["Service"]["Properties"]["Colour"] = "red"
    (tmp_path / "faulty.json").write_text(json.dumps(template))
    assert "Colour" in lint(tmp_path).stdout
