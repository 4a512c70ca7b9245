"""The table of frameworks in the documentation says what the classes and their tests say."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bentoml.service.artifacts.base import FileFormat
from scripts.frameworks_table import (
    PAGE,
    ROOT,
    UNKNOWN,
    artifact_classes,
    cells_of,
    contracts,
    frameworks,
    installed_versions,
    versions_on,
    with_table,
)
from tests.environments.table import ENVIRONMENTS

TEXT = PAGE.read_text(encoding="utf-8")
ALL = frameworks()
BY_TITLE = {framework.title: framework for framework in ALL}

# What only older versions write, or few ask for: tests of their own read and write these.
WITHOUT_CONTRACT = {("KerasModelArtifact", "JSON and HDF5"), ("PaddlePaddleModelArtifact", "program of Paddle 2")}


def test_page_has_the_table_as_it_is_now() -> None:
    assert with_table(TEXT, ALL, {}) == TEXT, "run: python -m scripts.frameworks_table"


def test_every_public_class_of_a_framework_is_in_the_table() -> None:
    for module in (ROOT / "src" / "bentoml" / "frameworks").glob("*.py"):
        for name in re.findall(r"^class ([A-Z]\w*Artifact)\(", module.read_text(encoding="utf-8"), re.MULTILINE):
            assert f"`frameworks.{module.stem}.{name}`" in TEXT


@pytest.mark.parametrize("kind", artifact_classes(), ids=lambda kind: kind.__name__)
def test_every_format_that_a_class_declares_is_held_to_the_contract(kind: type) -> None:
    assert kind.formats or kind.__name__ == "DetectronModelArtifact"  # type: ignore[attr-defined]
    tested = [contract.test for contract in contracts() if contract.artifact is kind]
    for form in kind.formats:  # type: ignore[attr-defined]
        names = {path.rstrip("/") for path in form.paths("model")}
        has_contract = any(test.files == names for test in tested)
        assert has_contract is ((kind.__name__, form.words) not in WITHOUT_CONTRACT), form


def test_every_page_of_the_table_is_there_and_in_the_contents() -> None:
    pages = {framework.page for framework in ALL}
    assert pages == {path.stem for path in PAGE.parent.glob("*.md")} - {"index"}
    contents = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert pages <= set(re.findall(r"^frameworks/(\w+)$", contents, re.MULTILINE))


@pytest.mark.parametrize(("title", "version"), versions_on(TEXT).items())
def test_version_on_the_page_is_one_that_the_environment_asks_for(title: str, version: str) -> None:
    framework = BY_TITLE[title]
    if framework.environment is None:
        assert title == "scikit-learn" or version == UNKNOWN
        return
    environment = ENVIRONMENTS[framework.environment]
    for line in (*environment.requirements, *environment.without_dependencies):
        requirement = Requirement(line)
        if requirement.name.replace("-", "_") in {framework.library, f"{framework.library}_cpu"}:
            assert requirement.specifier.contains(version)


def test_cells_of_a_framework_tell_its_formats_device_and_environment() -> None:
    assert cells_of(BY_TITLE["scikit-learn"]) == (
        "[scikit-learn](sklearn.md)",
        "`frameworks.sklearn.SklearnModelArtifact`",
        "`sklearn`, `skops`",
        "joblib: `.pkl`; skops: `.skops`",
        "joblib: no; skops: yes",
        "CPU",
        "the suite",
    )
    assert cells_of(BY_TITLE["XGBoost"])[3:] == ("UBJSON: `.model`", "yes", "chosen", "`boosters`")
    assert cells_of(BY_TITLE["TensorFlow"])[4] == "no when its graph writes files"
    assert cells_of(BY_TITLE["statsmodels"])[1:4] == (
        "`service.artifacts.common.PickleArtifact`",
        "`statsmodels`",
        "pickle: `.pkl`",
    )
    assert cells_of(BY_TITLE["Detectron2"])[2:] == ("", UNKNOWN, UNKNOWN, UNKNOWN, "the suite")


def test_with_table_fills_in_what_is_installed_and_keeps_the_rest() -> None:
    before = "A.\n\n| old |\n|---|\n| [XGBoost](xgboost.md) | x | 7.1 |\n| [Gone](gone.md) | 1 |\n\nB.\n\n| other |\n"
    known = [BY_TITLE[title] for title in ("CatBoost", "scikit-learn", "XGBoost")]
    after = with_table(before, known, {"scikit-learn": "9.9", "XGBoost": ""})
    assert versions_on(after) == {"CatBoost": UNKNOWN, "scikit-learn": "9.9", "XGBoost": "7.1"}
    assert (after.startswith("A.\n\n| Framework |"), after.endswith("|\n\nB.\n\n| other |\n")) == (True, True)
    assert with_table(after, known, {}) == after


def test_installed_versions_asks_the_environments_that_have_been_made(tmp_path: Path) -> None:
    (tmp_path / "boosters" / "bin").mkdir(parents=True)
    python = tmp_path / "boosters" / "bin" / "python"
    python.write_text("#!/bin/sh\necho 1.2.3+cpu\n", encoding="utf-8")
    python.chmod(0o755)
    known = [BY_TITLE[title] for title in ("scikit-learn", "CatBoost", "TensorFlow")]
    assert installed_versions(known, tmp_path) == {
        "scikit-learn": importlib.metadata.version("scikit-learn"),
        "CatBoost": "1.2.3",
        "TensorFlow": "",
    }


def test_paths_of_a_format_start_with_the_name() -> None:
    assert FileFormat("two", ("/", "_type.txt")).paths("model") == {"model/", "model_type.txt"}
