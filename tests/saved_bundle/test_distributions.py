"""Modules and the distributions they came from."""

from __future__ import annotations

import importlib.machinery
from typing import TYPE_CHECKING

import pytest

from bentoml.saved_bundle.distributions import distribution_of, providers_of

if TYPE_CHECKING:
    from pathlib import Path


COMPILED_SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


@pytest.fixture
def libs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(libs: Path, name: str | None, record: str, top_level: str | None = None) -> None:
    info = libs / f"{(name or 'broken').replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    if name:
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(record)
    for line in record.splitlines():
        path = libs / line.split(",")[0]
        if path.resolve().is_relative_to(libs):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    if top_level is not None:
        (info / "top_level.txt").write_text(top_level)


RECORDS = [
    pytest.param("zed/__init__.py,,\nzed/a/b.py,,\n", None, id="package"),
    pytest.param("zed.py,,\n", None, id="module"),
    pytest.param(f"zed{COMPILED_SUFFIX},,\n", None, id="compiled module"),
    pytest.param("", "other\nzed\n", id="top_level.txt"),
    pytest.param("zed/sub/x.py,,\n../../bin/zed,,\n", None, id="namespace"),
]


@pytest.mark.parametrize(("record", "top_level"), RECORDS)
def test_providers_of_a_module_names_its_distribution(libs: Path, record: str, top_level: str | None) -> None:
    install(libs, "zed-dist", record, top_level)
    providers = providers_of(["zed.a.b", "not_there_at_all"])
    assert providers == {"zed": ["zed-dist"], "not_there_at_all": []}
    assert distribution_of("zed.a.b", providers) == "zed-dist"
    assert distribution_of("not_there_at_all", providers) is None


def test_providers_of_a_module_skips_what_an_interrupted_installation_left(libs: Path) -> None:
    install(libs, None, "zed.py,,\n")
    install(libs, "zed-dist", "zed.py,,\n")
    assert providers_of(["zed"]) == {"zed": ["zed-dist"]}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("shared.one", "dist-one"),
        ("shared.two", "dist-two"),
        ("shared.two.deep", "dist-two"),
        ("shared.fast", "dist-two"),
        ("shared.unknown", "dist-one"),
    ],
)
def test_distribution_of_a_module_in_a_shared_namespace_is_the_one_with_its_files(
    libs: Path, module: str, expected: str
) -> None:
    install(libs, "dist-one", "shared/one/__init__.py,,\n")
    install(libs, "dist-two", f"shared/two/__init__.py,,\nshared/two/deep.py,,\nshared/fast{COMPILED_SUFFIX},,\n")
    assert distribution_of(module, providers_of([module])) == expected
