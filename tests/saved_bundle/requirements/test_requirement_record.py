"""Why requirements are there: what a bundle records, and how it is read back."""

from __future__ import annotations

import importlib.metadata
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bentoml._version import __version__
from bentoml.exceptions import BentoMLConfigException
from bentoml.saved_bundle import load, load_saved_bundle_config, save_to_dir
from bentoml.saved_bundle.requirements.requirement_record import RequirementRecord, read_record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages

SERVICE = """
import json
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.service.artifacts.common import PickleArtifact
import shop.words


class Model(PickleArtifact):
    def set_dependencies(self, env):
        env.add_pip_packages(["click>=999", "httpx"])


@bentoml.env({options})
@bentoml.artifacts([Model("model")])
class Service(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True)
    def predict(self, df):
        return df
"""
WORDS = "import yaml.nodes, nowhere\nimport click\n"


def pinned(name: str) -> str:
    return f"{name}=={importlib.metadata.version(name)}"


def saved(project: Project, bundle: Path, options: str) -> RequirementRecord:
    project.write(shop____init__="", shop__words=WORDS, svc=SERVICE.format(options=options))
    # The module in the process imports nothing that is not there.
    project.write(shop__words="")
    service = project.import_("svc").Service().pack("model", 1)
    project.write(shop__words=WORDS)
    service.env.add_pip_package("anyio")
    save_to_dir(service, bundle)
    return read_record(load_saved_bundle_config(bundle))


def shown(record: RequirementRecord) -> dict[str, list[str]]:
    return {one.requirement: [str(reason) for reason in one.because] for one in record.kept}


def left_out(record: RequirementRecord) -> set[tuple[str, str, str]]:
    return {(one.name, one.place, one.rule) for one in record.left_out}


LIBRARY = {f"bentoml=={__version__}": ["bentoml, the library that saved the bundle"]}


def test_record_when_inferred_names_imports_artifacts_adapters_and_options(project: Project, bundle_dir: Path) -> None:
    record = saved(project, bundle_dir, "infer_pip_packages=True, pip_packages=['click>=5  # mine', 'bentoml==0.13']")
    assert record.is_complete
    assert shown(record) == {
        **LIBRARY,
        "click>=5": ["pip_packages", "artifact model (Model)", "import of click, shop/words.py:2"],
        pinned("pandas"): ["API predict (DataframeInput)"],
        pinned("httpx"): ["artifact model (Model)"],
        pinned("anyio"): ["pip_packages"],
        pinned("PyYAML"): ["import of yaml, shop/words.py:1"],
    }
    assert left_out(record) == {
        ("bentoml==0.13", "pip_packages", "the bundle carries the bentoml that saved it"),
        ("bentoml", "svc.py:3, svc.py:4, svc.py:5", "part of every environment"),
        ("json", "svc.py:2", "standard library"),
        ("nowhere", "shop/words.py:1", "not installed here"),
    }
    lines = (bundle_dir / "requirements.txt").read_text().splitlines()
    assert lines[1:] == [one.requirement for one in record.kept[1:]]
    assert lines[1:] == load_saved_bundle_config(bundle_dir).document["env"]["pip_packages"][1:]


def test_record_when_not_inferred_names_the_imports_that_nothing_was_written_for(
    project: Project, bundle_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record = saved(project, bundle_dir, "pip_packages=['click==1']")
    assert shown(record)["click==1"] == [
        "pip_packages",
        "artifact model (Model)",
        "import of click, shop/words.py:2",
    ]
    assert ("nowhere", "shop/words.py:1", "not installed here") in left_out(record)
    assert ("yaml", "shop/words.py:1", "another requirement brings it") in left_out(record)  # that of the library
    assert "click" not in {one.name for one in record.left_out}
    assert "pip_packages asks for 'click==1', which is what the bundle gets, but 'click>=999' is needed" in caplog.text


def test_record_of_a_requirements_file_names_its_lines_and_what_it_lacks(
    project: Project, bundle_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "own.txt"
    file.write_text(
        "# mine\n\npandas==2.0 \\\n  --hash=sha256:00\n-r base.txt\n./wheels/x.whl\ngit+https://h/r\nclick\n"
    )
    record = saved(project, bundle_dir, f"requirements_txt_file={str(file)!r}")
    assert (bundle_dir / "requirements.txt").read_bytes() == file.read_bytes()
    assert shown(record)["pandas==2.0 \\"] == ["requirements_txt_file, line 3"]
    stands = "requirements_txt_file is used as it stands"
    assert ("httpx", "artifact model (Model)", stands) in left_out(record)
    assert ("anyio", "pip_packages", stands) in left_out(record)
    assert shown(record)["click"] == ["requirements_txt_file, line 8", "import of click, shop/words.py:2"]
    assert not {"pandas", "click>=999"} & {one.name for one in record.left_out}
    assert f"'{file}' does not list httpx, which artifact model (Model) needs" in caplog.text
    assert [
        record.getMessage().partition(": ")[2].partition(" names")[0]
        for record in caplog.records
        if "not in the bundle" in record.getMessage()
    ] == ["-r base.txt", "./wheels/x.whl"]


UNREQUIRED = """
import bentoml
import alpha, beta.one
import delta
@bentoml.env({options})
class Service(bentoml.BentoService): pass
"""


@pytest.mark.parametrize(
    ("options", "rule", "advice"),
    [
        (
            "pip_packages=['alpha_dist==1.0']",
            "infer_pip_packages is off",
            "list them in pip_packages, or set infer_pip_packages=True",
        ),
        (
            "requirements_txt_file='own.txt'",
            "requirements_txt_file is used as it stands",
            "list them in 'own.txt'",
        ),
    ],
)
def test_record_of_what_no_requirement_brings_names_its_distribution_and_warns_once(
    project: Project,
    bundle_dir: Path,
    site: SitePackages,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    options: str,
    rule: str,
    advice: str,
) -> None:
    site.add("Alpha-Dist", "1.0", "Requires-Dist: beta", files={"alpha.py": ""})
    site.add("beta", "2.0", files={"beta/__init__.py": "", "beta/one.py": ""})
    site.add("delta-dist", "3.0+cpu", files={"delta.py": ""})
    project.write_file("own.txt", "alpha-dist==1.0\n")
    monkeypatch.chdir(project.root)
    project.write(svc=UNREQUIRED.format(options=options), helper="")
    service = project.import_("svc").Service()
    project.write(svc=f"{UNREQUIRED.format(options=options)}\nimport helper\n", helper="import delta\n")
    save_to_dir(service, bundle_dir)
    record = read_record(load_saved_bundle_config(bundle_dir))
    assert [(one.name, one.place, one.rule) for one in record.left_out if one.distribution == "delta-dist==3.0"] == [
        ("delta", "svc.py:4, helper.py:1", rule)
    ]
    assert ("beta", "svc.py:3", "another requirement brings it") in left_out(record)
    assert "alpha" not in {one.name for one in record.left_out}
    assert "import of alpha, svc.py:3" in shown(record)["alpha_dist==1.0" if "pip" in options else "alpha-dist==1.0"]
    said = [message for message in caplog.messages if "not required" in message]
    assert said == [f"imported, but not required: delta-dist==3.0 (svc.py:4); {advice}"]


def test_record_of_many_places_names_the_first_few_and_counts_the_rest(project: Project, bundle_dir: Path) -> None:
    names = [f"m{number}" for number in range(8)]
    project.write(**dict.fromkeys(names, "import json, click\n"))
    project.write(
        svc=f"import bentoml\nimport {', '.join(names)}\n@bentoml.env(infer_pip_packages=True)\n"
        "class Service(bentoml.BentoService): pass\n"
    )
    save_to_dir(project.import_("svc").Service(), bundle_dir)
    record = read_record(load_saved_bundle_config(bundle_dir))
    places = "m0.py:1, m1.py:1, m2.py:1, m3.py:1, m4.py:1 and 3 more"
    assert shown(record)[pinned("click")] == [f"import of click, {places}"]
    assert ("json", places, "standard library") in left_out(record)


def test_record_names_places_in_archives_as_the_bundle_has_them(project: Project, bundle_dir: Path) -> None:
    (project.root / "libs").mkdir()
    with zipfile.ZipFile(project.root / "libs" / "code.zip", "w") as archive:
        archive.writestr("inzip/__init__.py", "import yaml")
    record = saved(project, bundle_dir, "infer_pip_packages=True, zipimport_archives=['libs/code.zip']")
    places = "zipimports/code.zip/inzip/__init__.py:1, shop/words.py:1"
    assert f"import of yaml, {places}" in shown(record)[pinned("PyYAML")]
    assert str(project.root) not in (bundle_dir / "bentoml.yml").read_text()


def test_record_of_a_bundle_saved_again_is_made_anew(project: Project, bundle_dir: Path, tmp_path: Path) -> None:
    project.write(helper="import yaml")
    source = """
        import bentoml, helper
        @bentoml.env(infer_pip_packages=True)
        class Again(bentoml.BentoService): pass
    """
    project.write_file("again.py", source)
    save_to_dir(project.import_("again").Again(), bundle_dir)
    first = read_record(load_saved_bundle_config(bundle_dir))
    (tmp_path / "second").mkdir()
    save_to_dir(load(bundle_dir), tmp_path / "second")
    assert read_record(load_saved_bundle_config(tmp_path / "second")) == first
    assert shown(first)[pinned("PyYAML")] == ["import of yaml, helper.py:1"]


def with_section(bundle: Path, section: Any) -> RequirementRecord:
    document = yaml.safe_load((bundle / "bentoml.yml").read_text())
    document.pop("requirements")
    if section is not None:
        document["requirements"] = section
    (bundle / "bentoml.yml").write_text(yaml.safe_dump(document))
    return read_record(load_saved_bundle_config(bundle))


def test_read_record_of_an_older_bundle_gives_its_lines_without_reasons(project: Project, bundle_dir: Path) -> None:
    saved(project, bundle_dir, "pip_packages=['click==1']")
    record = with_section(bundle_dir, None)
    assert not record.is_complete
    assert record.left_out == ()
    assert shown(record)["click==1"] == []
    assert set(shown(record)) == {*LIBRARY, "click==1", pinned("pandas"), pinned("httpx"), pinned("anyio")}


MALFORMED = [
    pytest.param([], "'kept' must be a list", id="list"),
    pytest.param("text", "'kept' must be a list", id="text"),
    pytest.param({"kept": "click"}, "'kept' must be a list", id="kept is a text"),
    pytest.param({"kept": ["click"]}, "'kept' must be a list of mappings", id="kept has a text"),
    pytest.param({"kept": [{"requirement": 1}]}, "'requirement' must be a text", id="requirement is a number"),
    pytest.param({"kept": [{"requirement": "a", "because": {}}]}, "'because' must be a list", id="because"),
    pytest.param({"kept": [{"because": [{"kind": "magic"}]}]}, "'magic' is no kind of reason", id="kind"),
    pytest.param({"kept": [{"because": [{"kind": ["import"]}]}]}, "'kind' must be a text", id="kind is a list"),
    pytest.param({"left_out": [{"name": {}}]}, "'name' must be a text", id="name is a mapping"),
]


@pytest.mark.parametrize(("section", "message"), MALFORMED)
def test_read_record_of_a_malformed_section_says_what_is_wrong(
    project: Project, bundle_dir: Path, section: Any, message: str
) -> None:
    saved(project, bundle_dir, "")
    with pytest.raises(BentoMLConfigException, match=message):
        with_section(bundle_dir, section)
