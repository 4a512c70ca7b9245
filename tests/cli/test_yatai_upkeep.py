"""`bentoml yatai check` and `gc`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bentoml.cli.main import commandline_interface
from bentoml.yatai.client import get_yatai_client

MANIFEST = """\
version: 1.0.0
kind: BentoService
metadata: {{created_at: 2024-05-01 10:00:00.000000, service_name: Iris, service_version: '{version}', module_name: iris,
  module_file: iris.py}}
env: {{python_version: 3.11.7}}
apis: []
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commandline_interface, ["yatai", *arguments])


@pytest.fixture
def saved(tmp_path: Path) -> list[Path]:
    """Two registered bundles, which share a file."""
    paths = []
    for version in "12":
        bundle = tmp_path / version
        (bundle / "Iris").mkdir(parents=True)
        (bundle / "bentoml.yml").write_text(MANIFEST.format(version=version))
        (bundle / "Iris" / "iris.py").write_text("ANSWER = 42\n")
        paths.append(Path(get_yatai_client().repository.upload_from_dir(bundle)))
    return paths


def test_check_of_nothing_and_of_whole_bundles_finds_no_problem(saved: list[Path]) -> None:
    for options in ((), ("--deep",)):
        result = run("check", *options)
        assert (result.exit_code, result.output) == (
            0,
            "2 bundles, 3 contents: 0 problems; 0 contents are unknown to the catalog, 0 bundles not indexed yet\n",
        )


@pytest.mark.parametrize("command", ["check", "gc"])
def test_database_that_is_named_is_the_one_that_is_asked(saved: list[Path], bentoml_home: Path, command: str) -> None:
    other = f"sqlite:///{bentoml_home / 'other.db'}"
    result = run(command, "--db-url", other)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("0 bundles, 0 contents" if command == "check" else "Removed 0 contents")
    assert not (bentoml_home / "other.db").exists() or command == "gc"
    assert run("check", "--deep").output.startswith("2 bundles, 3 contents: 0 problems; 0 contents are unknown")


def test_check_names_what_is_missing_or_damaged(saved: list[Path], bentoml_home: Path) -> None:
    first, second = saved
    (first / "bentoml.yml").unlink()
    assert f"bundle Iris:1: {first}/bentoml.yml is missing" in run("check").output
    with (second / "Iris" / "iris.py").open("r+") as shared:
        shared.write("BROKEN")  # written into, so that all that share it change
    assert "damaged" not in run("check").output
    deep = run("check", "--deep")
    assert deep.exit_code == 1
    assert "is damaged: its digest is sha256:" in deep.output
    assert f"bundle Iris:1: {first}/Iris/iris.py has another content" in deep.output
    for path in (bentoml_home / "repository" / ".blobs").glob("*/*"):
        path.unlink()
    assert run("check").output.count("is missing\n") == 4
    for path in (second / "Iris", second):
        for file in [entry for entry in path.iterdir() if entry.is_file()]:
            file.unlink()
    (second / "Iris").rmdir()
    second.rmdir()
    assert f"bundle Iris:2: {second} is missing" in run("check").output


def test_gc_removes_what_the_catalog_does_not_know_once_it_is_old(saved: list[Path], bentoml_home: Path) -> None:
    orphan = bentoml_home / "repository" / ".blobs" / "aa" / f"{'a' * 64}.{'b' * 16}"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"lost")
    assert "1 contents are unknown" in run("check").output
    nothing = "0 contents (0 bytes) that no bundle needs, and 0 (0 bytes) that the catalog does not know\n"
    assert run("gc").output == f"Removed {nothing}"
    one = nothing.replace("and 0 (0 bytes)", "and 1 (4 bytes)")
    assert run("gc", "--grace-hours", "0", "--dry-run").output == f"Would remove {one}"
    assert orphan.exists()
    assert run("gc", "--grace-hours", "0").output == f"Removed {one}"
    assert not orphan.exists()
    assert run("check", "--deep").exit_code == 0


def test_check_and_gc_without_a_registry_do_nothing(bentoml_home: Path) -> None:
    assert run("check").output.startswith("0 bundles, 0 contents: 0 problems")
    assert run("gc").exit_code == 0
