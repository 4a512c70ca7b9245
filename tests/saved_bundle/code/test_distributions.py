"""Modules and the distributions they came from."""

from __future__ import annotations

import importlib.machinery
from typing import TYPE_CHECKING

import pytest

from bentoml.saved_bundle.code.distributions import distribution_of, providers_of, reference_of

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


BROKEN = [
    pytest.param("RECORD", b"bad.py,,1,,,\n", id="columns"),
    pytest.param("RECORD", b"bad.py,,x\n", id="size"),
    pytest.param("RECORD", b"bad\xe9.py,,\n", id="encoding"),
    pytest.param("RECORD", b"bad\0.py,,\n\n\n", id="null"),
    pytest.param("METADATA", b"Name: bad\nVersion: 1\nAuthor: \xe9\n", id="encoding of metadata"),
    pytest.param("top_level.txt", b"ba\xe9", id="encoding of top_level.txt"),
    pytest.param("direct_url.json", b"\xe9", id="encoding of direct_url.json"),
]


@pytest.mark.parametrize(("file", "content"), BROKEN)
def test_providers_of_a_module_beside_broken_metadata_of_another_goes_on(libs: Path, file: str, content: bytes) -> None:
    install(libs, "bad", "")
    (libs / "bad-1.0.dist-info" / file).write_bytes(content)
    install(libs, "zed-dist", "zed.py,,\n\n")
    assert providers_of(["zed"]) == {"zed": ["zed-dist"]}
    assert distribution_of("zed", {"zed": ["bad", "zed-dist"]}) == "zed-dist"
    assert reference_of("bad") == (None, None)


@pytest.mark.parametrize("line", ["Name: zed --index-url https://evil", "Name: zed\n"])
def test_providers_of_a_module_skips_what_has_no_name_or_version_that_could_be_required(libs: Path, line: str) -> None:
    install(libs, "zed", "zed.py,,\n")
    (libs / "zed-1.0.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\n{line}\nVersion: one, two\n")
    assert providers_of(["zed"]) == {"zed": []}


def test_providers_of_a_module_that_top_level_txt_forgets_looks_into_the_record(libs: Path) -> None:
    install(libs, "zed-dist", "zed.py,,\n_zed.py,,\n", top_level="_zed\n")
    assert providers_of(["zed", "_zed"]) == {"zed": ["zed-dist"], "_zed": ["zed-dist"]}


@pytest.mark.parametrize(("file", "found"), [("zed_x/__init__.py", True), ("zed_x.py", True), ("elsewhere.py", False)])
def test_providers_of_a_module_without_any_record_goes_by_name_and_file(libs: Path, file: str, found: bool) -> None:
    info = libs / "Zed_X-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Zed-X\nVersion: 1.0\n")
    (libs / file).parent.mkdir(exist_ok=True)
    (libs / file).touch()
    assert providers_of(["zed_x.y"]) == {"zed_x": ["Zed-X"] if found else []}


def test_reference_of_what_conda_installed_is_none(libs: Path) -> None:
    install(libs, "zed", "zed.py,,\n")
    info = libs / "zed-1.0.dist-info"
    (info / "direct_url.json").write_text('{"dir_info": {}, "url": "file:///croot/zed_1700000000/work"}')
    (info / "INSTALLER").write_text("conda\n")
    assert reference_of("zed") == (None, None)


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


@pytest.mark.parametrize(
    ("preferred", "expected"), [(set(), "zed-full"), ({"zed-light"}, "zed-light"), ({"other"}, "zed-full")]
)
def test_distribution_of_a_module_that_two_have_is_the_one_that_is_required_anyway(
    libs: Path, preferred: set[str], expected: str
) -> None:
    install(libs, "zed-full", "zed/__init__.py,,\n")
    install(libs, "zed-light", "zed/__init__.py,,\n")
    install(libs, "zed-plugin", "zed/plugin.py,,\n")
    assert distribution_of("zed", providers_of(["zed"]), preferred) == expected


def test_distribution_of_a_module_that_two_have_is_else_the_one_of_its_name(libs: Path) -> None:
    install(libs, "a-fork", "zed/__init__.py,,\n")
    install(libs, "Zed", "zed/__init__.py,,\n")
    assert distribution_of("zed", providers_of(["zed"])) == "Zed"


REFERENCES = [
    pytest.param(None, (None, None), id="index"),
    pytest.param("not json", (None, None), id="broken"),
    pytest.param("[]", (None, None), id="no object"),
    pytest.param('{"url": "https://h/x.whl\\n--pre", "archive_info": {}}', (None, None), id="two lines"),
    pytest.param('{"url": "https://h/x.whl -r y", "archive_info": {}}', (None, None), id="option"),
    pytest.param('{"url": "https://h/x.whl", "archive_info": {}}', ("zed @ https://h/x.whl", None), id="archive"),
    pytest.param(
        '{"url": "https://h/r.git", "subdirectory": "py", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
        ("zed @ git+https://h/r.git@abc#subdirectory=py", None),
        id="git",
    ),
    pytest.param('{"url": "file:///src/zed", "dir_info": {}}', (None, "file:///src/zed"), id="directory"),
]


@pytest.mark.parametrize(("direct_url", "expected"), REFERENCES)
def test_reference_of_a_distribution_tells_where_it_was_installed_from(
    libs: Path, direct_url: str | None, expected: tuple[str | None, str | None]
) -> None:
    install(libs, "zed", "zed.py,,\n")
    if direct_url is not None:
        (libs / "zed-1.0.dist-info" / "direct_url.json").write_text(direct_url)
    assert reference_of("zed") == expected
