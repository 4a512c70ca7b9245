"""`bentoml env explain` on bundles that are old, broken or made by strangers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from click.testing import CliRunner

from bentoml.cli.main import commandline_interface

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = {
    "version": "0.13.1",
    "kind": "BentoService",
    "metadata": {"service_name": "Iris", "service_version": "1", "module_name": "iris", "module_file": "iris.py"},
}


def explain(directory: Path, *options: str, **sections: Any) -> str:
    (directory / "bentoml.yml").write_text(yaml.safe_dump({**MANIFEST, **sections}))
    argv = ["env", "explain", str(directory), *options]
    result = CliRunner(env={"BENTOML_HOME": str(directory / "home")}).invoke(
        commandline_interface, argv, prog_name="bentoml"
    )
    return result.output


def test_explain_of_an_older_bundle_lists_requirements_and_says_that_nothing_was_recorded(tmp_path: Path) -> None:
    output = explain(tmp_path, env={"pip_packages": ["bentoml==0.13.1", "scikit-learn==0.24"]})
    assert output.splitlines()[:3] == [
        "REQUIREMENT         BECAUSE OF",
        "bentoml==0.13.1     not recorded",
        "scikit-learn==0.24  not recorded",
    ]
    assert "This bundle does not say why its requirements are there" in output
    assert "LEFT OUT" not in output


def test_explain_of_an_older_bundle_with_a_requirements_file_lists_its_lines(tmp_path: Path) -> None:
    output = explain(tmp_path, "-o", "json", env={"requirements_txt": "# mine\nscikit-learn==0.24\n\n"})
    assert json.loads(output) == {
        "bento": "Iris:1",
        "recorded": False,
        "requirements": [{"requirement": "scikit-learn==0.24", "because": []}],
        "left_out": [],
    }


def test_explain_of_a_strangers_bundle_runs_nothing_and_obeys_nothing(tmp_path: Path) -> None:
    (tmp_path / "Iris").mkdir()
    (tmp_path / "Iris" / "iris.py").write_text("raise SystemExit('imported')")
    hostile = "a\x1b]0;owned\x07\nrow\u202e"
    output = explain(
        tmp_path,
        requirements={
            "kept": [{"requirement": hostile, "because": [{"kind": "import", "name": hostile, "detail": hostile}]}],
            "left_out": [{"name": hostile, "place": hostile, "rule": hostile}],
        },
    )
    shown = r"a\x1b]0;owned\x07\nrow\u202e"
    assert output.split("\n")[1] == f"{shown}  import of {shown}, {shown}"
    assert output.split("\n")[4] == f"{shown}  {shown}  {shown}"
    assert set(output) - {"\n"} == {letter for letter in output if letter.isprintable()}


def test_explain_of_what_is_imported_and_not_required_shows_its_distribution_and_what_to_do(tmp_path: Path) -> None:
    off = "infer_pip_packages is off"
    left_out = [
        {"name": "yaml", "place": "iris.py:1, iris.py:9", "rule": off, "distribution": "PyYAML==6.0"},
        {"name": "json", "place": "iris.py:2", "rule": "standard library"},
    ]
    output = explain(tmp_path, requirements={"kept": [], "left_out": left_out})
    *tables, advice = output.splitlines()
    assert tables[1:] == [
        "",
        "IMPORTED, BUT NOT REQUIRED  PLACE                 RULE",
        "yaml (PyYAML==6.0)          iris.py:1, iris.py:9  infer_pip_packages is off",
        "",
        "LEFT OUT  PLACE      RULE",
        "json      iris.py:2  standard library",
        "",
    ]
    assert advice.endswith("in pip_packages or requirements_txt_file, or with infer_pip_packages=True.")
    assert json.loads(explain(tmp_path, "-o", "json", requirements={"left_out": left_out}))["left_out"] == left_out


def test_explain_of_a_malformed_record_says_so(tmp_path: Path) -> None:
    output = explain(tmp_path, requirements={"kept": 3})
    assert "section 'requirements' of the manifest cannot be read: 'kept' must be a list of mappings" in output
    assert "Traceback" not in output
